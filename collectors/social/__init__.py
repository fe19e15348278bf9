"""What is said of assets in public: files that anybody can write, and a vendor's interface."""

"""Strict doubles of providers' HTTP interfaces, written from their public documents.

They are test code and not the providers: those can't be had here. Each names its source, refuses
what the documents don't allow, and answers with persons' names, birth dates and papers wherever the
real one does, so that a test can look whether any of it goes on.
"""

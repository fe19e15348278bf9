"""Events and alerts to files, Elasticsearch, Splunk and notifications."""

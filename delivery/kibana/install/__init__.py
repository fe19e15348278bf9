"""What Kibana has is looked at, compared with what it should have, and changed where it differs."""

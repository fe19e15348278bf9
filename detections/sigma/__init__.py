"""Sigma detections compiled to functions over records and over plain ECS documents."""

"""What is usual, learnt as time goes."""

"""What the domain reaches remotely, and the ports through which it sees it."""

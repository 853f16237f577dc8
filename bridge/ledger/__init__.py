"""What the bridge, the workers and the operators share in Redis. Knows no boto3 and no Django."""

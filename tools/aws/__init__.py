"""A fast local AWS for an unmodified boto3: SQS, S3, SES v2 and a little SNS, with faults to order.

A tool for load and chaos, not a product: one process, everything in memory, no signature is
checked, and only what the relay and its tests call is there.
"""

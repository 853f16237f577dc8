"""A fast local AWS for an unmodified boto3: SQS, S3, SES v2 and a little SNS, with fault injection.

It serves load and chaos tests: one process, everything in memory, no signature checks, and only the
operations that the relay and its tests call.
"""

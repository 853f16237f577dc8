# Mails received by SES. Workers read a mail, and delete it when all its recipients are settled.

resource "aws_s3_bucket" "mails" {
  bucket = var.bucket_name
}

resource "aws_s3_bucket_public_access_block" "mails" {
  bucket = aws_s3_bucket.mails.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "mails" {
  bucket = aws_s3_bucket.mails.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "mails" {
  bucket = aws_s3_bucket.mails.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "mails" {
  bucket = aws_s3_bucket.mails.id

  # Of several rules for a mail the shortest counts, so this one must not match held mails.
  rule {
    id     = "expire"
    status = "Enabled"

    filter {
      prefix = local.mails_prefix
    }

    expiration {
      days = var.mail_expiry_days
    }
  }

  # The relay itself deletes held mails. This removes what an interrupted attempt has left.
  rule {
    id     = "expire-held"
    status = "Enabled"

    filter {
      prefix = "held/"
    }

    expiration {
      days = var.held_mail_keep_days + 15
    }
  }

  rule {
    id     = "abort-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_policy" "mails" {
  bucket = aws_s3_bucket.mails.id
  policy = data.aws_iam_policy_document.bucket.json

  # Setting a policy and a public access block at the same time causes a conflict.
  depends_on = [aws_s3_bucket_public_access_block.mails]
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "SesStoresMails"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.mails.arn}/${local.mails_prefix}*"]

    principals {
      type        = "Service"
      identifiers = ["ses.amazonaws.com"]
    }

    # SES serves all AWS customers; allow it for our rule only.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.receipt_rule_arn]
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.mails.arn, "${aws_s3_bucket.mails.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

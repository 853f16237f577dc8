# Receiving: SES stores mail for our domains in the bucket and notifies the topic. Sending: workers send with
# our configuration set, which publishes sends, bounces and complaints to the same topic.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  account    = data.aws_caller_identity.this.account_id
  region     = data.aws_region.this.name
  ses_prefix = "arn:${data.aws_partition.this.partition}:ses:${local.region}:${local.account}"

  rule_name = "store-and-tell"

  # Where SES stores mails, apart from those that the relay holds.
  mails_prefix = "mails/"

  # Built from names: reading them from the resources would create a cycle, since those depend on the policies.
  receipt_rule_arn      = "${local.ses_prefix}:receipt-rule-set/${var.name}:receipt-rule/${local.rule_name}"
  configuration_set_arn = "${local.ses_prefix}:configuration-set/${var.name}"
}

resource "aws_sesv2_email_identity" "domain" {
  for_each = toset(var.mask_domains)

  email_identity         = each.key
  configuration_set_name = aws_sesv2_configuration_set.outgoing.configuration_set_name

  dkim_signing_attributes {
    next_signing_key_length = "RSA_2048_BIT"
  }
}

resource "aws_ses_receipt_rule_set" "incoming" {
  rule_set_name = var.name
}

resource "aws_ses_active_receipt_rule_set" "incoming" {
  count = var.activate_rule_set ? 1 : 0

  rule_set_name = aws_ses_receipt_rule_set.incoming.rule_set_name
}

resource "aws_ses_receipt_rule" "store_and_tell" {
  name          = local.rule_name
  rule_set_name = aws_ses_receipt_rule_set.incoming.rule_set_name
  enabled       = true

  # With a leading dot, a domain matches all its subdomains: owners' own names.
  recipients = flatten([for domain in var.mask_domains : [domain, ".${domain}"]])

  # Provides the verdicts on spam, viruses, SPF, DKIM and DMARC that the inbound logic uses.
  scan_enabled = true

  # No kms_key_arn: with it, SES stores ciphertext that the relay can't read. The bucket encrypts.
  s3_action {
    position          = 1
    bucket_name       = aws_s3_bucket.mails.id
    object_key_prefix = local.mails_prefix
    topic_arn         = aws_sns_topic.notifications.arn
  }

  # SES tests both when the rule is created.
  depends_on = [aws_s3_bucket_policy.mails, aws_sns_topic_policy.notifications]
}

resource "aws_sesv2_configuration_set" "outgoing" {
  configuration_set_name = var.name

  reputation_options {
    reputation_metrics_enabled = true
  }

  sending_options {
    sending_enabled = true
  }
}

resource "aws_sesv2_configuration_set_event_destination" "feedback" {
  configuration_set_name = aws_sesv2_configuration_set.outgoing.configuration_set_name
  event_destination_name = "feedback"

  event_destination {
    enabled = true

    # The events that the relay needs; others would be counted and deleted. SEND proves that a mail was
    # sent whose worker was killed meanwhile (AWS_SES_SEND_EVENTS).
    matching_event_types = ["BOUNCE", "COMPLAINT", "SEND"]

    sns_destination {
      topic_arn = aws_sns_topic.notifications.arn
    }
  }

  depends_on = [aws_sns_topic_policy.notifications]
}

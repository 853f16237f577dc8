output "environment" {
  description = "The settings for these resources, by their names (docs/settings.md)."

  value = {
    AWS_REGION                       = local.region
    AWS_S3_EMAIL_BUCKET              = aws_s3_bucket.mails.id
    AWS_SES_CONFIGSET                = aws_sesv2_configuration_set.outgoing.configuration_set_name
    AWS_SES_SEND_EVENTS              = "true"
    AWS_SNS_SIGNATURE_VERSIONS       = "2"
    AWS_SNS_TOPIC                    = aws_sns_topic.notifications.arn
    AWS_SQS_EMAIL_DLQ_URL            = aws_sqs_queue.dead_letters.id
    AWS_SQS_EMAIL_OVERFLOW_QUEUE_URL = aws_sqs_queue.overflow.id
    AWS_SQS_EMAIL_QUEUE_URL          = aws_sqs_queue.notifications.id
    HELD_MAIL_KEEP_DAYS              = tostring(var.held_mail_keep_days)
    MASK_DOMAINS                     = join(",", var.mask_domains)
    PROCESS_EMAIL_VISIBILITY_SECONDS = tostring(var.visibility_timeout_seconds)
  }
}

output "policy_arns" {
  description = "The policy of each process; scheduler and migrations need none."
  value       = { for name, policy in aws_iam_policy.process : name => policy.arn }
}

output "dns_records" {
  description = "The DNS records that SES needs to receive and sign. The MX records of a domain in use redirect its mail here."

  value = concat(
    flatten([
      for domain in var.mask_domains : [
        for name in [domain, "*.${domain}"] :
        { name = name, type = "MX", value = "10 inbound-smtp.${local.region}.amazonaws.com" }
      ]
    ]),
    flatten([
      for domain, identity in aws_sesv2_email_identity.domain : [
        for token in identity.dkim_signing_attributes[0].tokens :
        { name = "${token}._domainkey.${domain}", type = "CNAME", value = "${token}.dkim.amazonses.com" }
      ]
    ]),
  )
}

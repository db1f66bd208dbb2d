# Each run of the host reports one value of FailedRuns, 0 or 1, and so does its first boot. One alarm tells of a failure,
# the other of silence: a host that is down, or whose timer is gone, reports nothing at all. That leaves the alarm without
# data, and so it tells of losing them: before the first report it has none to lose, and a new host sets off no alarm.
locals {
  metric_namespace = "B3Lake"
  log_group        = "/b3-lake/${var.env}/ingestion"
  alarm_actions    = aws_sns_topic.alarms[*].arn
}

resource "aws_cloudwatch_metric_alarm" "run_failed" {
  alarm_name          = "${local.prefix}-ingestion-failed"
  alarm_description   = "An ingestion run failed, in whole or for some tickers. See `journalctl -u b3-ingestion` on the host."
  namespace           = local.metric_namespace
  metric_name         = "FailedRuns"
  dimensions          = { Environment = var.env }
  statistic           = "Maximum"
  period              = 3600
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "ignore"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "no_run" {
  alarm_name          = "${local.prefix}-ingestion-silent"
  alarm_description   = "No ingestion run reported in four days, which spans every weekend: the host is down or its timer is off."
  namespace           = local.metric_namespace
  metric_name         = "FailedRuns"
  dimensions          = { Environment = var.env }
  statistic           = "SampleCount"
  period              = 86400
  evaluation_periods  = 4
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "missing"
  ok_actions          = local.alarm_actions
  tags                = local.tags

  insufficient_data_actions = local.alarm_actions
}

resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:an alarm's text is no secret, and CloudWatch cannot publish to a topic under the AWS-managed key
  count = var.alarm_email == null ? 0 : 1

  name = "${local.prefix}-ingestion-alarms"
  tags = local.tags
}

resource "aws_sns_topic_subscription" "email" {
  count = var.alarm_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

resource "aws_cloudwatch_log_group" "ingestion" {
  #checkov:skip=CKV_AWS_158:the log names tickers and counts, no secret: the service's own encryption is enough
  #checkov:skip=CKV_AWS_338:a year of daily runs helps no one; log_retention_days says otherwise where it must
  count = var.cloudwatch_logs ? 1 : 0

  name              = local.log_group
  retention_in_days = var.log_retention_days
  tags              = local.tags
}

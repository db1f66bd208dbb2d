# Alarms of the stack and of this module, and failed runs of the refine job, to a chat's webhook as well: EventBridge sends
# what it hears of both to the address, as JSON with the text under `text` (Slack, Mattermost, Google Chat) and `content`
# (Discord). A webhook confirms no subscription, as SNS would have it do.
locals {
  has_webhook = nonsensitive(var.alarm_webhook_url != null)
  webhook_texts = {
    alarm = {
      pattern = {
        source      = ["aws.cloudwatch"]
        detail-type = ["CloudWatch Alarm State Change"]
        detail = {
          alarmName = [{ prefix = "${local.prefix}-" }, { prefix = "${local.snake_prefix}_" }]
          state     = { value = ["ALARM", "OK"] }
        }
      }
      paths = { name = "$.detail.alarmName", state = "$.detail.state.value" }
      text  = "B3 lake ${var.env}: the alarm <name> is <state>."
    }
    failed_run = {
      pattern = {
        source      = ["aws.glue"]
        detail-type = ["Glue Job State Change"]
        detail      = { jobName = ["${local.snake_prefix}_refine_job"], state = ["FAILED", "TIMEOUT", "STOPPED"] }
      }
      paths = { run = "$.detail.jobRunId", state = "$.detail.state" }
      text  = "B3 lake ${var.env}: the refine job's run <run> is <state>."
    }
  }
  webhooks = { for name, one in local.webhook_texts : name => one if local.has_webhook }
}

resource "aws_cloudwatch_event_connection" "webhook" {
  count = local.has_webhook ? 1 : 0

  name               = "${local.prefix}-webhook"
  description        = "The address itself is the secret: EventBridge wants a header, too"
  authorization_type = "API_KEY"

  auth_parameters {
    api_key {
      key   = "X-B3-Lake"
      value = var.env
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "webhook" {
  count = local.has_webhook ? 1 : 0

  name                             = "${local.prefix}-webhook"
  invocation_endpoint              = var.alarm_webhook_url
  http_method                      = "POST"
  invocation_rate_limit_per_second = 1
  connection_arn                   = aws_cloudwatch_event_connection.webhook[0].arn
}

resource "aws_cloudwatch_event_rule" "webhook" {
  for_each = local.webhooks

  name          = "${local.prefix}-webhook-${replace(each.key, "_", "-")}"
  event_pattern = jsonencode(each.value.pattern)
  tags          = local.tags
}

resource "aws_cloudwatch_event_target" "webhook" {
  for_each = local.webhooks

  rule     = aws_cloudwatch_event_rule.webhook[each.key].name
  arn      = aws_cloudwatch_event_api_destination.webhook[0].arn
  role_arn = var.manage_iam ? aws_iam_role.webhook[0].arn : "arn:${local.partition}:iam::${local.account_id}:role/${var.scheduler_role_name}"

  input_transformer {
    input_paths    = each.value.paths
    input_template = "{\"text\": \"${each.value.text}\", \"content\": \"${each.value.text}\"}"
  }
}

resource "aws_iam_role" "webhook" {
  count = local.has_webhook && var.manage_iam ? 1 : 0

  name               = "${local.snake_prefix}_webhook"
  description        = "EventBridge, to call the alarms' webhook"
  assume_role_policy = local.assume_role["events"]
  tags               = local.tags
}

resource "aws_iam_role_policy" "webhook" {
  count = local.has_webhook && var.manage_iam ? 1 : 0

  name = "call-webhook"
  role = aws_iam_role.webhook[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "CallWebhook"
      Effect   = "Allow"
      Action   = "events:InvokeApiDestination"
      Resource = aws_cloudwatch_event_api_destination.webhook[0].arn
    }]
  })
}

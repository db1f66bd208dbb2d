# With stop_after_run the host powers itself off after each run, which stops it (EC2's default for EBS volumes), and this
# starts it for the next one. The timer on the host then finds that it missed its time, and runs.
locals {
  # Yahoo's bar of a session is final at 20:00; B3's own file was seen to appear between 20:33 and 21:03.
  of_b3          = lookup(var.ingestion_environment, "SOURCE", "yahoo") == "b3"
  schedule_time  = var.schedule_time != null ? var.schedule_time : local.of_b3 ? "21:30" : "20:15"
  schedule_clock = split(":", local.schedule_time)
}

resource "aws_scheduler_schedule" "start_host" {
  #checkov:skip=CKV_AWS_297:the schedule holds an instance id, no secret: the service's own key is enough
  count = var.stop_after_run ? 1 : 0

  name                         = "${local.prefix}-start-ingestion-host"
  description                  = "Starts the ingestion host of the B3 lake on weekdays"
  schedule_expression          = "cron(${tonumber(local.schedule_clock[1])} ${tonumber(local.schedule_clock[0])} ? * MON-FRI *)"
  schedule_expression_timezone = local.timezone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${local.partition}:scheduler:::aws-sdk:ec2:startInstances"
    role_arn = var.manage_iam ? aws_iam_role.scheduler[0].arn : "arn:${local.partition}:iam::${local.account_id}:role/${var.scheduler_role_name}"
    input    = jsonencode({ InstanceIds = [aws_instance.host.id] })
  }

  depends_on = [aws_iam_role_policy.scheduler]
}

resource "aws_iam_role" "scheduler" {
  count = var.stop_after_run && var.manage_iam ? 1 : 0

  name               = "${local.snake_prefix}_start_ingestion_host"
  description        = "EventBridge Scheduler, to start the ingestion host"
  assume_role_policy = local.assume_role["scheduler"]
  tags               = local.tags
}

resource "aws_iam_role_policy" "scheduler" {
  count = var.stop_after_run && var.manage_iam ? 1 : 0

  name = "start-host"
  role = aws_iam_role.scheduler[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "StartHost"
      Effect   = "Allow"
      Action   = "ec2:StartInstances"
      Resource = aws_instance.host.arn
    }]
  })
}

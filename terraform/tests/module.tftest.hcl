# The module's plan, against a mock of AWS. Needs Terraform 1.7, which brought mock providers; the module itself takes 1.6.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_ec2_instance_type" {
    defaults = { supported_architectures = ["x86_64"], burstable_performance_supported = true }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

run "defaults" {
  command = plan

  assert {
    condition     = aws_s3_bucket.private["athena"].bucket == "tech-challenge2-dev-athena-123456789012"
    error_message = "The athena bucket's name is fixed."
  }
  assert {
    condition     = output.raw_bucket == "tech-challenge2-dev-raw-123456789012"
    error_message = "The raw bucket's default is the stack's."
  }
  assert {
    condition     = aws_athena_workgroup.lake.name == "tech_challenge2_dev_wg"
    error_message = "The workgroup's name is fixed."
  }
  assert {
    condition = (
      aws_athena_workgroup.lake.configuration[0].enforce_workgroup_configuration &&
      aws_athena_workgroup.lake.configuration[0].publish_cloudwatch_metrics_enabled &&
      aws_athena_workgroup.lake.configuration[0].bytes_scanned_cutoff_per_query == 1073741824 &&
      aws_athena_workgroup.lake.configuration[0].result_configuration[0].output_location == "s3://tech-challenge2-dev-athena-123456789012/results/" &&
      aws_athena_workgroup.lake.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_S3"
    )
    error_message = "The workgroup enforces encrypted results under results/, with metrics and a cutoff."
  }
  assert {
    condition     = length(aws_athena_named_query.lake) == length(fileset("../queries", "*.sql"))
    error_message = "Each SQL file of queries/ is a named query."
  }
  assert {
    condition = (
      aws_instance.host.instance_type == "t3.micro" &&
      aws_instance.host.metadata_options[0].http_tokens == "required" &&
      aws_instance.host.metadata_options[0].http_put_response_hop_limit == 1 &&
      aws_instance.host.root_block_device[0].encrypted &&
      aws_instance.host.root_block_device[0].volume_type == "gp3" &&
      aws_instance.host.credit_specification[0].cpu_credits == "standard"
    )
    error_message = "The host takes IMDSv2 alone, one hop away, an encrypted gp3 root and no unlimited credits."
  }
  assert {
    condition     = local.key_pair_name == null && length(aws_key_pair.host) == 0
    error_message = "Without key_pair_name and public_key_file there is no key pair."
  }
  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.ssh) == 0
    error_message = "Nothing may come in by default."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_egress_rule.https : rule.from_port == 443 && rule.to_port == 443])
    error_message = "Only HTTPS goes out."
  }
  assert {
    condition     = length(aws_cloudwatch_event_rule.webhook) == 0 && length(aws_iam_role.webhook) == 0 && length(aws_iam_role.host) == 1 && length(aws_iam_role.scheduler) == 1 && length(aws_scheduler_schedule.start_host) == 1
    error_message = "The default is managed roles and a host that stops after each run."
  }
  assert {
    condition     = aws_iam_instance_profile.host[0].tags == null
    error_message = "The instance profile is not tagged: labs forbid it."
  }
  assert {
    condition     = strcontains(aws_s3_object.release["systemd/system/b3-ingestion.timer"].content, "OnCalendar=Mon..Fri *-*-* 20:15:00 America/Sao_Paulo")
    error_message = "The timer runs on weekdays after the close."
  }
  assert {
    condition     = !strcontains(aws_s3_object.release["ingestion.env"].content, "TICKERS")
    error_message = "Without tickers, the ingestion's own list holds."
  }
  assert {
    condition     = !strcontains(aws_instance.host.user_data, aws_s3_object.current_release.content)
    error_message = "user_data must not name the release, or every update would replace the host."
  }
  assert {
    condition = length(setsubtract(
      ["ec2/fetch_b3_data.py", "ec2/run_ingestion.sh", "requirements/ingest.txt", "host/update_host.sh", "MANIFEST"],
      keys(aws_s3_object.release),
    )) == 0
    error_message = "A release holds the ingestion, its requirements and what installs it."
  }
  assert {
    condition     = alltrue([for name in keys(aws_s3_object.release) : !strcontains(name, "__pycache__")])
    error_message = "Compiled files are not part of a release: they would change it at each run."
  }
}

run "roles_are_for_their_services_alone" {
  command = plan

  variables {
    alarm_webhook_url = "https://hooks.example.com/x"
  }

  assert {
    condition = {
      for role in concat(aws_iam_role.host, aws_iam_role.scheduler, aws_iam_role.webhook) :
      role.name => [for one in jsondecode(role.assume_role_policy).Statement : jsonencode(one.Principal)]
      } == {
      tech_challenge2_dev_ingestion_host       = [jsonencode({ Service = "ec2.amazonaws.com" })]
      tech_challenge2_dev_start_ingestion_host = [jsonencode({ Service = "scheduler.amazonaws.com" })]
      tech_challenge2_dev_webhook              = [jsonencode({ Service = "events.amazonaws.com" })]
    }
    error_message = "No person and no other service may take on a role of the module."
  }
}

run "a_host_that_stays_on_needs_no_schedule" {
  command = plan

  variables {
    stop_after_run = false
  }

  assert {
    condition     = length(aws_iam_role.scheduler) == 0 && length(aws_scheduler_schedule.start_host) == 0
    error_message = "Nothing has to start a host that stays on."
  }
}

run "silence_is_told_of_and_a_new_host_is_not_silent" {
  command = plan

  variables {
    alarm_email = "you@example.com"
  }

  override_resource {
    target          = aws_sns_topic.alarms[0]
    override_during = plan
    values          = { arn = "arn:aws:sns:us-east-1:123456789012:alarms" }
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.no_run.treat_missing_data == "missing" &&
      one(aws_cloudwatch_metric_alarm.no_run.insufficient_data_actions) == "arn:aws:sns:us-east-1:123456789012:alarms"
    )
    error_message = "Losing its data is what the alarm tells of: before the first report it has none to lose."
  }
}

run "a_webhook_hears_of_alarms_and_failed_runs" {
  command = plan

  variables {
    alarm_webhook_url = "https://hooks.example.com/services/T0/B0/x"
  }

  assert {
    condition     = nonsensitive(aws_cloudwatch_event_api_destination.webhook[0].invocation_endpoint) == "https://hooks.example.com/services/T0/B0/x"
    error_message = "EventBridge calls the given address."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.webhook["alarm"].event_pattern).detail.alarmName == [{ prefix = "tech-challenge2-dev-" }, { prefix = "tech_challenge2_dev_" }]
    error_message = "The alarms of the module and of the stack are heard, and no others."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.webhook["failed_run"].event_pattern).detail.jobName == ["tech_challenge2_dev_refine_job"]
    error_message = "Failed runs of this job are heard."
  }
  assert {
    condition = alltrue([
      for one in aws_cloudwatch_event_target.webhook : jsondecode(one.input_transformer[0].input_template).text == jsondecode(one.input_transformer[0].input_template).content
    ])
    error_message = "What is sent is JSON, with the same text under both names."
  }
}

run "only_one_environment_of_one_repository_deploys" {
  command = plan

  variables {
    ci_repository = "someone/b3-lake"
  }

  assert {
    condition = jsonencode(jsondecode(aws_iam_role.ci[0].assume_role_policy).Statement) == jsonencode([{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = "repo:someone/b3-lake:environment:dev"
        }
      }
    }])
    error_message = "The role is taken on by runs of the repository's environment, and by nothing else."
  }
}

run "a_deployment_reaches_what_its_environments_names_cover" {
  command = plan

  variables {
    ci_repository = "someone/b3-lake"
  }

  assert {
    condition = toset([
      for one in flatten(data.aws_iam_policy_document.ci.statement[*].resources) : one
      if !can(regex("tech[-_]challenge2[-_/]dev([-_/]|$)", one))
      ]) == toset([
      "*",
      "arn:aws:cloudformation:us-east-1:123456789012:stack/aws-sam-cli-managed-default/*",
      "arn:aws:cloudformation:us-east-1:aws:transform/Serverless-2016-10-31",
      "arn:aws:glue:us-east-1:123456789012:catalog",
      "arn:aws:s3:::aws-sam-cli-managed-default-*",
    ])
    error_message = "Beside its own environment the role reaches what SAM keeps for itself, and the catalog that holds the database."
  }
  assert {
    condition = {
      for one in data.aws_iam_policy_document.ci.statement : one.sid => jsonencode(sort(one.actions)) if contains(one.resources, "*")
      } == {
      EventSourceMappings = jsonencode([for verb in ["Create", "Delete", "Get", "Update"] : "lambda:${verb}EventSourceMapping"])
      ListLogGroups       = jsonencode(["lambda:ListEventSourceMappings", "logs:DescribeLogGroups"])
    }
    error_message = "Of everything, whatever it is named, it lists two kinds, and maps queues to functions of its own."
  }
  assert {
    condition = {
      for one in data.aws_iam_policy_document.ci.statement :
      one.sid => jsonencode([for each in one.condition : [each.test, each.variable, each.values]]) if length(one.condition) > 0
      } == {
      EventSourceMappings     = jsonencode([["ArnLike", "lambda:FunctionArn", ["arn:aws:lambda:us-east-1:123456789012:function:tech_challenge2_dev_*"]]])
      HandThemToTheirServices = jsonencode([["StringEquals", "iam:PassedToService", ["lambda.amazonaws.com", "glue.amazonaws.com"]]])
    }
    error_message = "Mappings are of its own functions, and roles are handed to the stack's services alone."
  }
  assert {
    condition = toset([
      for one in flatten(data.aws_iam_policy_document.ci.statement[*].actions) : one if startswith(one, "iam:")
      ]) == toset([
      "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:GetRole*", "iam:PassRole", "iam:PutRolePolicy", "iam:TagRole",
      "iam:UpdateAssumeRolePolicy",
    ])
    error_message = "It makes roles, and neither users nor keys."
  }
}

run "nobody_deploys_unless_named" {
  command = plan

  assert {
    condition     = length(aws_iam_role.ci) == 0 && length(aws_iam_openid_connect_provider.github) == 0 && output.ci_role_arn == null
    error_message = "Without ci_repository there is neither role nor provider."
  }
}

run "a_lab_allows_no_large_host" {
  command = plan

  variables {
    manage_iam    = false
    instance_type = "t3.xlarge"
  }

  expect_failures = [aws_instance.host]
}

run "a_lab_allows_no_large_disk" {
  command = plan

  variables {
    manage_iam     = false
    root_volume_gb = 101
  }

  expect_failures = [aws_instance.host]
}

run "lab_mode_creates_no_iam" {
  command = plan

  variables {
    manage_iam        = false
    instance_type     = "t3.large"
    key_pair_name     = "vockey"
    ci_repository     = "someone/b3-lake"
    alarm_webhook_url = "https://hooks.example.com/x"
  }

  assert {
    condition = (
      length(aws_iam_role.host) + length(aws_iam_role.scheduler) + length(aws_iam_instance_profile.host) +
      length(aws_iam_role_policy.host) + length(aws_iam_role_policy.scheduler) + length(aws_iam_role_policy_attachment.session_manager) +
      length(aws_iam_role.ci) + length(aws_iam_role_policy.ci) + length(aws_iam_openid_connect_provider.github) +
      length(aws_iam_role.webhook) + length(aws_iam_role_policy.webhook)
    ) == 0
    error_message = "Lab mode creates no IAM resource."
  }
  assert {
    condition     = aws_instance.host.iam_instance_profile == "LabInstanceProfile" && aws_instance.host.key_name == "vockey"
    error_message = "Lab mode takes the lab's profile and key pair."
  }
  assert {
    condition     = aws_scheduler_schedule.start_host[0].target[0].role_arn == "arn:aws:iam::123456789012:role/LabRole"
    error_message = "Lab mode takes the lab's role for the schedule."
  }
}

run "the_schedule_fits_the_source" {
  command = plan

  variables {
    stop_after_run        = true
    ingestion_environment = { SOURCE = "b3" }
  }

  assert {
    condition = (
      strcontains(aws_s3_object.release["systemd/system/b3-ingestion.timer"].content, "OnCalendar=Mon..Fri *-*-* 21:30:00 America/Sao_Paulo") &&
      aws_scheduler_schedule.start_host[0].schedule_expression == "cron(30 21 ? * MON-FRI *)"
    )
    error_message = "B3's file of a session was seen to appear until 21:03."
  }
}

run "a_schedule_that_is_given_stands" {
  command = plan

  variables {
    schedule_time         = "22:10"
    ingestion_environment = { SOURCE = "b3" }
  }

  assert {
    condition     = strcontains(aws_s3_object.release["systemd/system/b3-ingestion.timer"].content, "OnCalendar=Mon..Fri *-*-* 22:10:00 America/Sao_Paulo")
    error_message = "Whoever gives a time means it."
  }
}

run "the_schedule_starts_the_host_when_the_timer_runs" {
  command = plan

  variables {
    schedule_time = "21:05"
  }

  assert {
    condition = (
      aws_scheduler_schedule.start_host[0].schedule_expression == "cron(5 21 ? * MON-FRI *)" &&
      aws_scheduler_schedule.start_host[0].schedule_expression_timezone == "America/Sao_Paulo"
    )
    error_message = "Schedule and timer have the same time."
  }
}

run "settings_end_in_the_environment_file" {
  command = plan

  variables {
    tickers               = ["PETR4", "BPAC11", "^BVSP"]
    start_date            = "2024-01-02"
    end_date              = "2024-12-30"
    ingestion_environment = { SESSIONS = "10" }
  }

  assert {
    condition = length(setsubtract(
      ["TICKERS=\"PETR4,BPAC11,^BVSP\"", "START_DATE=\"2024-01-02\"", "END_DATE=\"2024-12-30\"", "SESSIONS=\"10\"", "RAW_BUCKET=\"tech-challenge2-dev-raw-123456789012\"", "GLUE_DATABASE=\"tech_challenge2_dev\""],
      split("\n", aws_s3_object.release["ingestion.env"].content),
    )) == 0
    error_message = "The variables end in ingestion.env."
  }
}

run "ssh_from_one_range" {
  command = plan

  variables {
    ssh_cidr = "203.0.113.7/32"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.ssh[0].cidr_ipv4 == "203.0.113.7/32" && aws_vpc_security_group_ingress_rule.ssh[0].to_port == 22
    error_message = "ssh_cidr opens port 22 to that range."
  }
}

run "a_given_subnet_brings_its_vpc" {
  command = plan

  variables {
    subnet_id = "subnet-12345678"
  }

  override_data {
    target = data.aws_subnet.given[0]
    values = { vpc_id = "vpc-12345678" }
  }

  assert {
    condition     = aws_instance.host.subnet_id == "subnet-12345678" && aws_security_group.host.vpc_id == "vpc-12345678"
    error_message = "The security group is made in the VPC of the given subnet."
  }
}

run "graviton_takes_the_arm_image" {
  command = plan

  variables {
    instance_type = "m7g.medium"
  }

  override_data {
    target = data.aws_ec2_instance_type.host
    values = { supported_architectures = ["arm64"], burstable_performance_supported = false }
  }

  assert {
    condition     = data.aws_ssm_parameter.image.name == "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
    error_message = "The image has the architecture of the instance type."
  }
  assert {
    condition     = length(aws_instance.host.credit_specification) == 0
    error_message = "Only burstable types have credits."
  }
}

run "bad_values_are_refused" {
  command = plan

  variables {
    env                         = "Dev_1"
    raw_bucket_name             = "s3://bucket/raw"
    raw_bucket_kms_key_arn      = "alias/quotes"
    ssh_cidr                    = "0.0.0.0/0"
    instance_type               = "micro"
    root_volume_gb              = 4
    tickers                     = ["petr4.SA"]
    start_date                  = "2024-02-30"
    end_date                    = "31/12/2024"
    ingestion_environment       = { SESSIONS = "$(reboot)" }
    schedule_time               = "24:00"
    alarm_email                 = "nobody"
    ci_repository               = "someone/*"
    alarm_webhook_url           = "http://hooks.example.com/x"
    log_retention_days          = 8
    athena_bytes_scanned_cutoff = 9999999
    athena_results_days         = 0
  }

  expect_failures = [
    var.env,
    var.raw_bucket_name,
    var.raw_bucket_kms_key_arn,
    var.ssh_cidr,
    var.instance_type,
    var.root_volume_gb,
    var.tickers,
    var.start_date,
    var.end_date,
    var.ingestion_environment,
    var.schedule_time,
    var.alarm_email,
    var.ci_repository,
    var.alarm_webhook_url,
    var.log_retention_days,
    var.athena_bytes_scanned_cutoff,
    var.athena_results_days,
  ]
}

run "ssh_from_half_the_world_is_refused" {
  command = plan

  variables {
    ssh_cidr = "128.0.0.0/1"
  }

  expect_failures = [var.ssh_cidr]
}

run "ssh_from_a_range_wider_than_16_is_refused" {
  command = plan

  variables {
    ssh_cidr = "10.0.0.0/15"
  }

  expect_failures = [var.ssh_cidr]
}

run "ssh_from_every_ipv6_address_is_refused" {
  command = plan

  variables {
    ssh_cidr = "::/0"
  }

  expect_failures = [var.ssh_cidr]
}

run "a_private_key_is_refused" {
  command = plan

  variables {
    public_key_file = "versions.tf"
  }

  expect_failures = [var.public_key_file]
}

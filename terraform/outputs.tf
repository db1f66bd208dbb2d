output "instance_id" {
  description = "The ingestion host."
  value       = aws_instance.host.id
}

output "connect" {
  description = "Opens a shell on the host: through Session Manager, and over SSH where ssh_cidr and a key pair allow it."
  value = merge(
    { session_manager = "aws ssm start-session --region ${var.region} --target ${aws_instance.host.id}" },
    var.ssh_cidr != null && local.key_pair_name != null ? {
      ssh = "ssh ec2-user@$(aws ec2 describe-instances --region ${var.region} --instance-ids ${aws_instance.host.id} --query 'Reservations[0].Instances[0].PublicIpAddress' --output text)"
    } : {},
  )
}

output "run_ingestion" {
  description = "Runs the ingestion now: the daily run from here, the daily run on the host, a backfill on the host, and what the last run said."
  value = {
    daily_from_here  = "aws ssm send-command --region ${var.region} --instance-ids ${aws_instance.host.id} --document-name AWS-RunShellScript --parameters commands='systemctl start b3-ingestion'"
    daily_on_host    = "sudo systemctl start b3-ingestion"
    backfill_on_host = "sudo START_DATE=2024-01-01 END_DATE=2024-12-31 /opt/b3-lake/current/ec2/run_ingestion.sh"
    log_on_host      = "journalctl -u b3-ingestion -e"
  }
}

output "start_host" {
  description = "Starts the host when stop_after_run has stopped it."
  value       = "aws ec2 start-instances --region ${var.region} --instance-ids ${aws_instance.host.id}"
}

output "raw_bucket" {
  description = "The raw bucket that the ingestion writes to; the SAM stack owns it."
  value       = local.raw_bucket
}

output "host_bucket" {
  description = "The bucket that brings releases of ec2/ to the host."
  value       = aws_s3_bucket.private["host"].bucket
}

output "release" {
  description = "The release of ec2/ and its settings that the host follows."
  value       = local.release
}

output "ci_role_arn" {
  description = "The role that the deploy workflow takes on: AWS_ROLE_ARN of the GitHub environment. Null without ci_repository."
  value       = one(aws_iam_role.ci[*].arn)
}

output "athena_workgroup" {
  description = "The Athena workgroup."
  value       = aws_athena_workgroup.lake.name
}

output "athena_bucket" {
  description = "The bucket of query results, under results/."
  value       = aws_s3_bucket.private["athena"].bucket
}

output "athena_console" {
  description = "The query editor of the console; pick the workgroup there, and find the named queries under Saved queries."
  value       = "https://${var.region}.console.aws.amazon.com/athena/home?region=${var.region}#/query-editor"
}

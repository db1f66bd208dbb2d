data "aws_ec2_instance_type" "host" {
  instance_type = var.instance_type
}

data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${local.architecture}"
}

locals {
  architecture  = contains(data.aws_ec2_instance_type.host.supported_architectures, "arm64") ? "arm64" : "x86_64"
  is_burstable  = data.aws_ec2_instance_type.host.burstable_performance_supported
  key_pair_name = var.public_key_file == null ? var.key_pair_name : aws_key_pair.host[0].key_name
}

resource "aws_key_pair" "host" {
  count = var.public_key_file == null ? 0 : 1

  key_name   = coalesce(var.key_pair_name, "${local.prefix}-ingestion-host")
  public_key = trimspace(file(pathexpand(var.public_key_file)))
  tags       = local.tags
}

resource "aws_instance" "host" {
  #checkov:skip=CKV_AWS_126:one run a day needs no metrics by the minute, which cost 2.10 USD a month
  #checkov:skip=CKV_AWS_135:current types are EBS-optimized by default, and t2, which labs offer, refuses the setting
  ami                         = data.aws_ssm_parameter.image.insecure_value
  instance_type               = var.instance_type
  subnet_id                   = var.subnet_id
  vpc_security_group_ids      = [aws_security_group.host.id]
  associate_public_ip_address = var.associate_public_ip_address
  key_name                    = local.key_pair_name
  iam_instance_profile        = var.manage_iam ? aws_iam_instance_profile.host[0].name : var.instance_profile_name
  tags                        = merge(local.tags, { Name = "${local.prefix}-ingestion-host" })

  user_data = templatefile("${path.module}/templates/user_data.sh.tftpl", {
    region           = var.region
    host_bucket      = aws_s3_bucket.private["host"].bucket
    metric_namespace = local.metric_namespace
    env              = var.env
  })
  user_data_replace_on_change = true

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = var.root_volume_gb
    encrypted   = true
    tags        = merge(local.tags, { Name = "${local.prefix}-ingestion-host" })
  }

  # T3's default, unlimited, bills for bursts; a run that takes minutes can take them at the baseline.
  dynamic "credit_specification" {
    for_each = local.is_burstable ? ["standard"] : []

    content {
      cpu_credits = credit_specification.value
    }
  }

  lifecycle {
    precondition {
      condition     = var.manage_iam || (can(regex("\\.(nano|micro|small|medium|large)$", var.instance_type)) && var.root_volume_gb <= 100)
      error_message = "A lab (manage_iam = false) allows no instance above large and no volume above 100 GB, and may close the account of who asks for one: choose a smaller instance_type or root_volume_gb."
    }

    # A newer image must not replace the host by surprise: `terraform apply -replace=aws_instance.host` takes it.
    ignore_changes = [ami]
  }

  # The first boot reads the release and so needs it and the permission to.
  depends_on = [aws_s3_object.current_release, aws_iam_role_policy.host, aws_iam_role_policy_attachment.session_manager]
}

# The one-off task of a deploy: makes the roles, brings the schema to the newest version, and ends.

resource "aws_ecs_task_definition" "migrations" {
  family                   = "${var.prefix}-migrations"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 512
  memory                   = 1024
  execution_role_arn       = aws_iam_role.execution["migrations"].arn
  track_latest             = true

  container_definitions = jsonencode([merge(local.container, {
    name        = "migrations"
    command     = ["python", "-m", "tatemono.adapters.postgres.migrate"]
    stopTimeout = 120
    environment = [
      for key, value in merge(local.common_variables, {
        DATABASE_URL   = "postgresql://${var.database.owner}@${var.database.address}:${var.database.port}/${var.database.name}"
        DATABASE_ROLES = join(",", [for role in var.database.roles : replace(role, "-", "_")])
      }) : { name = key, value = value }
    ]
    secrets          = [{ name = "PGPASSWORD", valueFrom = "${var.database.owner_secret_arn}:password::" }]
    logConfiguration = local.log_configuration["migrations"]
    portMappings     = []
  })])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "ARM64"
  }

  tags = { Service = "migrations" }
}

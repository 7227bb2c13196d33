locals {
  # The image's own Python asks, so that the image needs no other program.
  http_health_check = {
    for name, service in local.http : name => [
      "CMD", "python", "-c",
      "import urllib.request as r; r.urlopen('http://127.0.0.1:${service.port}${service.health_path}', timeout=4)",
    ]
  }

  # A background service has no port. It is healthy while it has a connection (state 01) to the database's port, which
  # it opens last, after all else that it needs.
  database_health_check = [
    "CMD", "python", "-c",
    join("; ", [
      "import sys",
      "rows = [row.split() for file in ('tcp', 'tcp6') for row in open('/proc/net/' + file)]",
      "sys.exit(not any(row[2].endswith(':${format("%04X", var.database.port)}') and row[3] == '01' for row in rows))",
    ]),
  ]

  # What all containers have in common.
  container = {
    image                  = var.image
    essential              = true
    user                   = var.user
    privileged             = false
    readonlyRootFilesystem = true
    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { add = [], drop = ["ALL"] }
      # The only place where anything can be written: large uploads, while they come in.
      tmpfs = [{ containerPath = "/tmp", size = 64, mountOptions = ["mode=1777", "noexec", "nosuid", "nodev"] }]
    }
    mountPoints    = []
    systemControls = []
    volumesFrom    = []
  }

  # PGSSLMODE is libpq's variable, which the driver reads: no connection without TLS.
  common_variables = { PYTHONDONTWRITEBYTECODE = "1", PYTHONUNBUFFERED = "1", PGSSLMODE = "require" }

  log_configuration = {
    for name, group in aws_cloudwatch_log_group.service : name => {
      logDriver = "awslogs"
      options = {
        awslogs-group         = group.name
        awslogs-region        = data.aws_region.current.name
        awslogs-stream-prefix = name
        # A slow log must not stop the service; what does not fit is dropped.
        mode            = "non-blocking"
        max-buffer-size = "4m"
      }
    }
  }

  plain_variables = {
    for name, service in var.services : name => merge(
      local.common_variables,
      { SERVICE_NAME = name, STOP_TIMEOUT_SECONDS = tostring(service.stop_timeout_seconds) },
      service.kind == "http" ? { HOST = "0.0.0.0", PORT = tostring(service.port) } : {},
      { for key, source in service.environment : key => source.value if source.value != null },
      { for key, source in service.environment : key => join(",", var.ip_sets[source.ip_set]) if source.ip_set != null },
      { for key, source in service.environment : key => var.limits if coalesce(source.limits, false) },
    )
  }

  variables_by_arn = {
    for name, service in var.services : name => merge(
      { for key, source in service.environment : key => var.secrets[source.secret].arn if source.secret != null },
      { for key, source in service.environment : key => var.parameter_arns[source.parameter] if source.parameter != null },
    )
  }

  containers = {
    for name, service in var.services : name => merge(local.container, {
      name             = name
      command          = service.command
      stopTimeout      = service.stop_timeout_seconds
      environment      = [for key, value in local.plain_variables[name] : { name = key, value = value }]
      secrets          = [for key, arn in local.variables_by_arn[name] : { name = key, valueFrom = arn }]
      logConfiguration = local.log_configuration[name]
      portMappings = [
        for port in compact([service.port]) : { containerPort = tonumber(port), hostPort = tonumber(port), protocol = "tcp" }
      ]
      healthCheck = {
        command     = service.kind == "http" ? local.http_health_check[name] : local.database_health_check
        interval    = 15
        timeout     = 5
        retries     = 3
        startPeriod = 60
      }
    })
  }
}

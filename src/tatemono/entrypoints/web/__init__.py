"""The admin site: pages for operators, made on the server. What they show comes from the admin API."""

"""The database: tables, repositories, transactions and migrations. Only this package knows SQL."""

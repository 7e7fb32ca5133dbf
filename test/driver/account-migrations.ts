import type { MigrationInterface, QueryRunner } from "typeorm";

/** Migrations of which one that ran twice shows. */
export class CreateAccount1760000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query("CREATE TABLE account (value INTEGER)");
    await runner.query("INSERT INTO account VALUES (100)");
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query("DROP TABLE account");
  }
}

export class Increment1770000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query("UPDATE account SET value = value + 1");
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query("UPDATE account SET value = value - 1");
  }
}

export class Double1780000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query("UPDATE account SET value = value * 2");
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query("UPDATE account SET value = value / 2");
  }
}

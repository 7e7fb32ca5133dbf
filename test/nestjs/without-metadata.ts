// Run by decorator-metadata.test.ts with tsx, whose compiler emits no decorator metadata: one application, as named.
import "reflect-metadata";
import { Inject, Injectable, type Type } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { InjectRepository } from "@nestjs/typeorm";
import { Column, Entity, PrimaryGeneratedColumn, Repository } from "typeorm";
import { SqliteDatabase } from "../../src";
import { SqliteDatabaseModule, Transactional } from "../../src/nestjs";

@Entity("notes")
class Note {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("text")
  text!: string;
}

@Injectable()
class Explicit {
  constructor(
    @Inject(SqliteDatabase) readonly database: SqliteDatabase,
    @InjectRepository(Note) readonly notes: Repository<Note>,
  ) {}

  @Transactional()
  async write(): Promise<number> {
    await this.notes.insert({ text: "one" });
    return await this.database.getRepository(Note).count();
  }
}

@Injectable()
class Silent {
  constructor(readonly database: SqliteDatabase) {}
}

@Injectable()
class First {
  constructor(
    readonly database: SqliteDatabase,
    @InjectRepository(Note) readonly notes: Repository<Note>,
  ) {}
}

@Injectable()
class Last {
  constructor(
    @InjectRepository(Note) readonly notes: Repository<Note>,
    readonly database: SqliteDatabase,
  ) {}
}

async function main(name = ""): Promise<void> {
  if (name === "column") {
    class Guessed {
      @Column()
      text!: string;
    }
    console.log(Guessed);
  }
  const providers: Record<string, Type> = { Explicit, Silent, First, Last };
  class AppModule {}
  const root = {
    module: AppModule,
    imports: [SqliteDatabaseModule.forRoot(":memory:"), SqliteDatabaseModule.forFeature([Note])],
    providers: [providers[name]!],
  };
  const application = await NestFactory.createApplicationContext(root, {
    logger: false,
    abortOnError: false,
  });
  if (name === "Explicit") console.log(`${await application.get(Explicit).write()} written`);
  await application.close();
}

main(process.argv[2]).catch((error: Error) => {
  console.log(`${error.name}: ${error.message}`);
});

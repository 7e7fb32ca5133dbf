import "reflect-metadata";
import { once } from "node:events";
import { Body, Controller, Get, Injectable, Module, Post } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { InjectRepository } from "@nestjs/typeorm";
import { Column, Entity, PrimaryGeneratedColumn, Repository } from "typeorm";
import { SqliteDatabase } from "typeorm-sqlite-database";
import { SqliteDatabaseModule, SqliteHealthIndicator, Transactional } from "typeorm-sqlite-database/nestjs";

@Entity("notes")
class Note {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  text!: string;
}

@Injectable()
class NotesService {
  constructor(
    @InjectRepository(Note) private readonly notes: Repository<Note>,
    private readonly database: SqliteDatabase,
  ) {}

  @Transactional({ readonly: true })
  async list(): Promise<Note[]> {
    return await this.notes.find();
  }

  @Transactional()
  async write(text: string): Promise<void> {
    await this.notes.insert({ text });
    await this.database.exec("INSERT INTO notes (text) VALUES (:text)", { text: `${text}, raw` });
    if (text === "undone") throw new Error("undone on purpose");
  }

  @Transactional()
  async writeAround(event: Promise<unknown>): Promise<void> {
    await this.notes.insert({ text: "before the shutdown" });
    await event;
    await this.notes.insert({ text: "after the shutdown began" });
  }
}

@Controller()
class NotesController {
  constructor(
    private readonly notes: NotesService,
    private readonly sqlite: SqliteHealthIndicator,
  ) {}

  @Get("notes")
  async list(): Promise<Note[]> {
    return await this.notes.list();
  }

  @Post("notes")
  async write(@Body("text") text: string): Promise<void> {
    await this.notes.write(text);
  }

  @Post("around")
  async around(): Promise<string> {
    const terminated = once(process, "SIGTERM");
    console.log("in flight");
    await this.notes.writeAround(terminated);
    return "finished";
  }

  @Get("health")
  async health() {
    return await this.sqlite.pingCheck("database", { timeout: 5 });
  }
}

@Module({
  imports: [SqliteDatabaseModule.forFeature([Note])],
  providers: [NotesService],
  controllers: [NotesController],
})
class NotesModule {}

@Module({
  imports: [
    SqliteDatabaseModule.forRootAsync({ useFactory: () => ({ location: "sqlite:///./nest.db" }) }),
    SqliteDatabaseModule.forRoot("./audit.db", { name: "audit" }),
    NotesModule,
  ],
})
class AppModule {}

async function main(): Promise<void> {
  const application = await NestFactory.create(AppModule, { logger: false });
  process.once("SIGTERM", () => void application.close());
  await application.listen(0);
  console.log(await application.getUrl());
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

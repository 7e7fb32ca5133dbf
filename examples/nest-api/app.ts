import { type INestApplication, ValidationPipe } from "@nestjs/common";
import { HttpAdapterHost, NestFactory } from "@nestjs/core";
import { DocumentBuilder, SwaggerModule } from "@nestjs/swagger";
import { AppModule } from "./app.module";
import { DatabaseErrorFilter } from "./database-error.filter";

/** The application on a database file, which is made if there is none. */
export async function createApp(location: string): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule.on(location), {
    logger: ["error", "warn"],
    // What goes wrong at the start is for main() to tell.
    abortOnError: false,
  });
  app.useGlobalPipes(new ValidationPipe({ transform: true, whitelist: true, forbidNonWhitelisted: true }));
  app.useGlobalFilters(new DatabaseErrorFilter(app.get(HttpAdapterHost).httpAdapter));
  const document = new DocumentBuilder().setTitle("Travellers").setVersion("1.0").build();
  SwaggerModule.setup("docs", app, () => SwaggerModule.createDocument(app, document));
  return app;
}

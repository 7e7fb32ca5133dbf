import { Module } from "@nestjs/common";
import { SqliteDatabaseModule } from "typeorm-sqlite-database/nestjs";
import { Traveller } from "../../../entities";
import { TravellersController } from "./travellers.controller";
import { TravellersService } from "./travellers.service";

@Module({
  imports: [SqliteDatabaseModule.forFeature([Traveller])],
  controllers: [TravellersController],
  providers: [TravellersService],
})
export class TravellersModule {}

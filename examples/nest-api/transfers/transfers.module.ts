import { Module } from "@nestjs/common";
import { SqliteDatabaseModule } from "typeorm-sqlite-database/nestjs";
import { Transfer, Traveller } from "../../../entities";
import { TransfersController } from "./transfers.controller";
import { TransfersService } from "./transfers.service";

@Module({
  imports: [SqliteDatabaseModule.forFeature([Traveller, Transfer])],
  controllers: [TransfersController],
  providers: [TransfersService],
})
export class TransfersModule {}

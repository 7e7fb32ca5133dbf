import { type DynamicModule, Module } from "@nestjs/common";
import { SqliteDatabaseModule } from "typeorm-sqlite-database/nestjs";
import { entities } from "../../entities";
import { HealthModule } from "./health/health.module";
import { ReportsModule } from "./reports/reports.module";
import { TransfersModule } from "./transfers/transfers.module";
import { TravellersModule } from "./travellers/travellers.module";

@Module({})
export class AppModule {
  static on(location: string): DynamicModule {
    return {
      module: AppModule,
      imports: [
        SqliteDatabaseModule.forRoot(location, { entities }),
        TravellersModule,
        TransfersModule,
        ReportsModule,
        HealthModule,
      ],
    };
  }
}

import type { LoggerService, ModuleMetadata } from "@nestjs/common";
import { Test, type TestingModule, type TestingModuleBuilder } from "@nestjs/testing";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary-folder";

const SILENT: LoggerService = { log() {}, error() {}, warn() {} };

export interface TestApplications {
  readonly folder: TemporaryFolder;
  /** The file of the database that has no name. */
  readonly path: string;
  /** A running application of these modules and providers, without a server. */
  start(
    metadata: ModuleMetadata,
    change?: (builder: TestingModuleBuilder) => TestingModuleBuilder,
  ): Promise<TestingModule>;
}

/** Nest applications in a temporary folder, for the tests of the file that calls this; they are closed after the test. */
export function testApplications(): TestApplications {
  const started: TestingModule[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((application) => application.close()));
  });
  const folder = temporaryFolder();
  return {
    folder,
    get path() {
      return folder.file("test.db");
    },
    async start(metadata, change = (builder) => builder) {
      const application = await change(Test.createTestingModule(metadata).setLogger(SILENT)).compile();
      started.push(application);
      return await application.init();
    },
  };
}

import { Body, Controller, Get, Param, ParseUUIDPipe, Put } from "@nestjs/common";
import { ApiTags } from "@nestjs/swagger";
import { MakeTransfer } from "./transfer.dto";
import { TransfersService } from "./transfers.service";

@ApiTags("transfers")
@Controller("transfers")
export class TransfersController {
  constructor(private readonly transfers: TransfersService) {}

  /** The client chooses the id, so that it may ask again when it has not seen the answer. */
  @Put(":id")
  make(@Param("id", ParseUUIDPipe) id: string, @Body() transfer: MakeTransfer) {
    return this.transfers.make(id, transfer);
  }

  @Get(":id")
  get(@Param("id", ParseUUIDPipe) id: string) {
    return this.transfers.get(id);
  }
}

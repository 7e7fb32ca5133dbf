import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  ParseIntPipe,
  Patch,
  Post,
  Query,
} from "@nestjs/common";
import { ApiTags } from "@nestjs/swagger";
import { CreateTraveller, Page, UpdateTraveller } from "./traveller.dto";
import { TravellersService } from "./travellers.service";

@ApiTags("travellers")
@Controller("travellers")
export class TravellersController {
  constructor(private readonly travellers: TravellersService) {}

  @Post()
  create(@Body() traveller: CreateTraveller) {
    return this.travellers.create(traveller);
  }

  @Get()
  page(@Query() page: Page) {
    return this.travellers.page(page);
  }

  @Get(":id")
  get(@Param("id", ParseIntPipe) id: number) {
    return this.travellers.get(id);
  }

  @Patch(":id")
  update(@Param("id", ParseIntPipe) id: number, @Body() changes: UpdateTraveller) {
    return this.travellers.update(id, changes);
  }

  @Delete(":id")
  @HttpCode(204)
  remove(@Param("id", ParseIntPipe) id: number) {
    return this.travellers.remove(id);
  }
}

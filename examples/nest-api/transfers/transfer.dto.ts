import { ApiProperty } from "@nestjs/swagger";
import { IsInt, IsPositive } from "class-validator";

export class MakeTransfer {
  @ApiProperty({ description: "the traveller who pays" })
  @IsInt()
  from!: number;

  @ApiProperty({ description: "the traveller who is paid" })
  @IsInt()
  to!: number;

  @ApiProperty({ description: "in cents" })
  @IsInt()
  @IsPositive()
  amount!: number;
}

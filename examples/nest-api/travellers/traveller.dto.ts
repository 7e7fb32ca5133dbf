import { ApiProperty, ApiPropertyOptional, PartialType } from "@nestjs/swagger";
import { Type } from "class-transformer";
import { IsEmail, IsInt, IsOptional, Length, Max, Min } from "class-validator";

export class CreateTraveller {
  @ApiProperty({ example: "ada@example.org" })
  @IsEmail()
  email!: string;

  @ApiProperty({ example: "Ada" })
  @Length(1, 100)
  name!: string;

  @ApiPropertyOptional({ description: "in cents", default: 0 })
  @IsOptional()
  @IsInt()
  @Min(0)
  balance?: number;
}

export class UpdateTraveller extends PartialType(CreateTraveller) {}

export class Page {
  @ApiPropertyOptional({ default: 1, minimum: 1 })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  page = 1;

  @ApiPropertyOptional({ default: 20, minimum: 1, maximum: 100 })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100)
  size = 20;
}

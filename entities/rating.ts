import { IsInt, IsOptional, Length, Max, Min } from "class-validator";
import { Check, Column, Entity, Index, ManyToOne, PrimaryColumn, Relation } from "typeorm";
import { City } from "./city";
import { Traveller } from "./traveller";

/** What one traveller thinks of one city: the pair of them is the key. */
@Entity("ratings")
@Check("ratings_stars_in_range", `"stars" BETWEEN 1 AND 5`)
export class Rating {
  @PrimaryColumn()
  travellerId!: number;

  @PrimaryColumn()
  @Index()
  cityId!: number;

  @Column("integer")
  @IsInt()
  @Min(1)
  @Max(5)
  stars!: number;

  @Column("text", { nullable: true })
  @IsOptional()
  @Length(1, 2000)
  comment!: string | null;

  @ManyToOne(
    () => Traveller,
    (traveller) => traveller.ratings,
    { onDelete: "CASCADE" },
  )
  traveller!: Relation<Traveller>;

  @ManyToOne(() => City, { onDelete: "CASCADE" })
  city!: Relation<City>;
}

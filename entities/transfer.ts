import { IsInt, IsPositive } from "class-validator";
import {
  Check,
  Column,
  CreateDateColumn,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  Relation,
} from "typeorm";
import { Traveller } from "./traveller";

/** Money that went from one traveller's balance to another's. */
@Entity("transfers")
@Check("transfers_amount_positive", `"amount" > 0`)
@Check("transfers_not_to_oneself", `"from" <> "to"`)
export class Transfer {
  /** Chosen by who asks for it, so that asking again does not transfer again. */
  @PrimaryColumn("uuid")
  id!: string;

  @Index()
  @ManyToOne(() => Traveller, { nullable: false })
  @JoinColumn({ name: "from" })
  from!: Relation<Traveller>;

  @Index()
  @ManyToOne(() => Traveller, { nullable: false })
  @JoinColumn({ name: "to" })
  to!: Relation<Traveller>;

  /** In cents. */
  @Column("integer")
  @IsInt()
  @IsPositive()
  amount!: number;

  @CreateDateColumn()
  at!: Date;
}

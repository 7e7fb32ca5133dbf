import { ChildEntity, Column, Entity, PrimaryGeneratedColumn, TableInheritance } from "typeorm";

/** Two classes in one table. */
@Entity()
@TableInheritance({ column: { type: "varchar", name: "kind" } })
export class Animal {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;
}

@ChildEntity()
export class Dog extends Animal {
  @Column("integer", { default: 1 })
  age!: number;
}

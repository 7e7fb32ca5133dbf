import {
  BeforeUpdate,
  Column,
  CreateDateColumn,
  Entity,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
  UpdateDateColumn,
  VersionColumn,
} from "typeorm";

/** An amount that only its own methods can read. */
export class Money {
  readonly #cents: number;

  constructor(cents: number) {
    this.#cents = cents;
  }

  get cents(): number {
    return this.#cents;
  }
}

export class Address {
  @Column({ nullable: true, type: "text" })
  street!: string | null;

  @Column({ nullable: true, type: "text" })
  town!: string | null;
}

@Entity("users")
export class User {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  username!: string;

  @Column("integer", { default: 18 })
  age!: number;

  @Column({ default: "new" })
  status!: string;

  @Column(() => Address)
  address!: Address;

  @Column("simple-json", { nullable: true })
  settings!: { theme?: string; tags?: string[] } | null;

  @Column("datetime", { nullable: true })
  born!: Date | null;

  @Column("blob", { nullable: true })
  avatar!: Buffer | null;

  @Column("integer", {
    nullable: true,
    transformer: {
      to: (money: Money | null | undefined) => (money ? money.cents : money),
      from: (cents: number | null) => (cents === null ? null : new Money(cents)),
    },
  })
  balance!: Money | null;

  @Column("text", { nullable: true, select: false })
  secret!: string | null;

  @OneToMany(
    () => Post,
    (post) => post.author,
    { cascade: true },
  )
  posts!: Relation<Post[]>;
}

@Entity("posts")
export class Post {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  title!: string;

  @VersionColumn()
  version!: number;

  @CreateDateColumn()
  created!: Date;

  @UpdateDateColumn()
  updated!: Date;

  @Column("text", { nullable: true })
  slug!: string | null;

  @ManyToOne(
    () => User,
    (user) => user.posts,
  )
  @JoinColumn({ name: "author_id" })
  author!: Relation<User> | null;

  @OneToMany(
    () => Comment,
    (comment) => comment.post,
  )
  comments!: Relation<Comment[]>;

  @ManyToMany(() => Label)
  @JoinTable({ name: "post_labels" })
  labels!: Relation<Label[]>;

  @BeforeUpdate()
  fillSlug(): void {
    this.slug = this.title.toLowerCase();
  }
}

@Entity("comments")
export class Comment {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  text!: string;

  @ManyToOne(
    () => Post,
    (post) => post.comments,
    { nullable: false },
  )
  post!: Relation<Post>;
}

@Entity("labels")
export class Label {
  @PrimaryColumn()
  name!: string;

  @Column({ default: "" })
  description!: string;
}

@Entity("memberships")
export class Membership {
  @PrimaryColumn("integer")
  userId!: number;

  @PrimaryColumn("text")
  club!: string;

  @Column({ default: "member" })
  role!: string;
}

@Entity("profiles")
export class Profile {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  bio!: string;

  @OneToOne(() => User, { eager: true })
  @JoinColumn()
  user!: Relation<User>;
}

export const BLOG = [User, Post, Comment, Label, Membership, Profile];

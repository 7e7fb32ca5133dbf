import { Injectable, NotFoundException } from "@nestjs/common";
import { InjectRepository } from "@nestjs/typeorm";
import { Repository } from "typeorm";
import { Transactional } from "typeorm-sqlite-database/nestjs";
import { Traveller } from "../../../entities";
import { CreateTraveller, Page, UpdateTraveller } from "./traveller.dto";

@Injectable()
export class TravellersService {
  constructor(@InjectRepository(Traveller) private readonly travellers: Repository<Traveller>) {}

  async create(traveller: CreateTraveller): Promise<Traveller> {
    return await this.travellers.save(this.travellers.create(traveller));
  }

  /** A page and the number of all, from one snapshot. */
  @Transactional({ readonly: true })
  async page({ page, size }: Page) {
    const [items, total] = await this.travellers.findAndCount({
      order: { id: "ASC" },
      skip: (page - 1) * size,
      take: size,
    });
    return { items, total, page, size };
  }

  async get(id: number): Promise<Traveller> {
    const traveller = await this.travellers.findOneBy({ id });
    if (!traveller) throw new NotFoundException(`There is no traveller ${id}.`);
    return traveller;
  }

  /** Nobody changes the traveller between reading and writing. */
  @Transactional()
  async update(id: number, changes: UpdateTraveller): Promise<Traveller> {
    return await this.travellers.save(this.travellers.merge(await this.get(id), changes));
  }

  async remove(id: number): Promise<void> {
    const { affected } = await this.travellers.delete(id);
    if (affected === 0) throw new NotFoundException(`There is no traveller ${id}.`);
  }
}

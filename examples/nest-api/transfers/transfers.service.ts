import { ConflictException, Injectable, NotFoundException } from "@nestjs/common";
import { InjectRepository } from "@nestjs/typeorm";
import { Repository } from "typeorm";
import { Transactional } from "typeorm-sqlite-database/nestjs";
import { Transfer, Traveller } from "../../../entities";
import { MakeTransfer } from "./transfer.dto";

@Injectable()
export class TransfersService {
  constructor(
    @InjectRepository(Traveller) private readonly travellers: Repository<Traveller>,
    @InjectRepository(Transfer) private readonly transfers: Repository<Transfer>,
  ) {}

  /** All of it happens, or nothing: whatever throws undoes what was written before. */
  @Transactional()
  async make(id: string, { from, to, amount }: MakeTransfer): Promise<Transfer> {
    const made = await this.find(id);
    if (made) return made;
    await this.add(from, -amount);
    await this.add(to, amount);
    await this.transfers.insert({ id, from: { id: from }, to: { id: to }, amount });
    return await this.get(id);
  }

  async get(id: string): Promise<Transfer> {
    const transfer = await this.find(id);
    if (!transfer) throw new NotFoundException(`There is no transfer ${id}.`);
    return transfer;
  }

  private async find(id: string): Promise<Transfer | null> {
    return await this.transfers.findOne({ where: { id }, relations: { from: true, to: true } });
  }

  private async add(id: number, amount: number): Promise<void> {
    const traveller = await this.travellers.findOneBy({ id });
    if (!traveller) throw new NotFoundException(`There is no traveller ${id}.`);
    if (traveller.balance + amount < 0)
      throw new ConflictException(`${traveller.name} has not got that much.`);
    traveller.balance += amount;
    await this.travellers.save(traveller);
  }
}

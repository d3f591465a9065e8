/*
** ledger.c - Which items are not dealt with, and who has them. See ledger.h.
*/
#include <string.h>

#include "ledger.h"

#define FIRST 16u /* accounts in the first table */


/* What 'slot' owes; NULL: nothing so far. */
static uint64_t *find (const Ledger *l, uint32_t slot) {
  uint32_t place, stage = sk_slot_stage(slot, FIRST, &place);
  if (!(l->ready & 1u << stage)) return NULL;
  return sk_at(uint64_t, l->table[stage]) + place;
}


/* The same, made if need be; NULL: no accounts are kept, or no memory. */
static uint64_t *account (Ledger *l, uint32_t slot) {
  if (slot == 0 || !l->keeps) return NULL;
  uint64_t *a = find(l, slot);
  if (sk_likely(a != NULL)) return a;
  uint32_t place, stage = sk_slot_stage(slot, FIRST, &place);
  size_t size = (FIRST << stage) * sizeof *a;
  Off *table = &l->table[stage];
  if (*table == 0 && sk_arena_take(table, size) != 0) return NULL;
  memset(sk_at(char, *table), 0, size);
  sk_step();
  l->ready |= 1u << stage;
  return sk_at(uint64_t, *table) + place;
}


static void lend (Ledger *l, uint32_t slot) {
  const uint64_t *a = account(l, slot);
  l->debtor = a != NULL ? slot : 0;
  l->debt = a != NULL ? *a + 1 : 0;
}


static void lent (Ledger *l) {
  if (l->debtor != 0) *find(l, l->debtor) = l->debt;
}


void sk_ledger_come (Ledger *l, Off b, uint32_t slot) {
  lend(l, slot);
  l->was = l->unfinished;
  sk_step();
  l->coming = b;
  sk_step();
}


void sk_ledger_came (Ledger *l) {
  l->unfinished = l->was + 1;
  sk_step();
  lent(l);
  sk_step();
  l->coming = 0;
  sk_step();
}


void sk_ledger_go (Ledger *l, Off b, uint32_t slot) {
  lend(l, slot);
  if (l->debtor == 0) return;
  sk_step();
  l->going = b;
  sk_step();
}


void sk_ledger_gone (Ledger *l) {
  if (l->going == 0) return;
  lent(l);
  sk_step();
  l->going = 0;
  sk_step();
}


static void apply (Ledger *l) {
  uint64_t *a = l->log.slot != 0 ? find(l, l->log.slot) : NULL;
  if (a != NULL) *a = l->log.owes;
  sk_step();
  l->unfinished = l->log.unfinished;
  sk_step();
  l->forgiven = l->log.forgiven;
  sk_step();
  l->log.on = 0;
}


/* 'slot' owes so much from now on, and so many are unfinished. */
static void change (Ledger *l, uint32_t slot, uint64_t owes,
                    uint64_t unfinished, uint64_t forgiven) {
  l->log.slot = slot;
  l->log.owes = owes;
  l->log.unfinished = unfinished;
  l->log.forgiven = forgiven;
  sk_step();
  __atomic_store_n(&l->log.on, 1, __ATOMIC_RELEASE);
  sk_step();
  apply(l);
}


/* Somebody who owes something: 'slot', if it does. 0: nobody. */
static uint32_t debtor (const Ledger *l, uint32_t slot) {
  const uint64_t *a = find(l, slot);
  if (a != NULL && *a > 0) return slot;
  for (uint32_t i = 1; i < sk_root()->reached; i++)
    if ((a = find(l, i)) != NULL && *a > 0) return i;
  return 0;
}


int sk_ledger_done (Ledger *l, uint32_t slot) {
  if (l->unfinished == 0 && l->forgiven == 0) return -EINVAL;
  if (l->unfinished == 0) { /* it was, when the one who had got it ended */
    l->forgiven--;
    return 0;
  }
  uint32_t who = debtor(l, slot);
  uint64_t owes = who != 0 ? *find(l, who) - 1 : 0;
  change(l, who, owes, l->unfinished - 1, l->forgiven);
  return 0;
}


void sk_ledger_forgive (Ledger *l, uint32_t slot) {
  const uint64_t *a = find(l, slot);
  if (a == NULL || *a == 0) return;
  uint64_t n = *a < l->unfinished ? *a : l->unfinished;
  change(l, slot, 0, l->unfinished - n, l->forgiven + n);
}


void sk_ledger_repair (Ledger *l, bool listed) {
  if (l->coming != 0) l->unfinished = l->was; /* it has not come */
  l->coming = 0;
  if (l->going != 0 && !listed) sk_ledger_gone(l);
  l->going = 0;
  if (l->log.on) apply(l);
}


void sk_ledger_fini (Ledger *l) {
  l->ready = 0;
  for (int i = 0; i < SK_ACCOUNTS; i++) sk_arena_give(&l->table[i]);
}

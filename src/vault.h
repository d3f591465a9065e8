/*
** vault.h - Descriptors on their way from one process of the family to
** another.
**
** The kernel keeps them: in the queue of one unix datagram socket that is
** connected to itself, and that every member of the family has from its birth
** on. So a descriptor that was put there outlives who put it there, and all of
** them go with the last process.
**
** What is in the arena is an object, a Deposit, that says which one: it crosses
** as any shared object does. Getting a descriptor leaves it in the vault (the
** message may have to be read again); it leaves when nobody refers to its
** deposit any more.
**
** A packet of the queue is a Ticket and a descriptor. Invariants, under the
** family's 'vaultguard'
**   - a ticket counts while its deposit bears its serial; a second one of the
**     same serial does no harm: it is the same descriptor;
**   - who makes a ticket cease to count takes its packets out.
*/
#ifndef sk_vault_h
#define sk_vault_h

#include "object.h"

typedef struct Deposit {
  Object o;
  uint64_t serial; /* of chance; 0: there is no descriptor */
} Deposit;

SK_FUNC const Class sk_deposit_class;

/* Make the family's vault, unless this process has it. 0 or -errno. */
SK_FUNC int sk_vault_open (void);
/* The vault behind 'fd', as a fresh child does. */
SK_FUNC void sk_vault_attach (int fd);
/* Its descriptor, close-on-exec; -1: none. */
SK_FUNC int sk_vault_fd (void);

/* Put a copy of 'fd' there for 'd', which is new. 0, or -errno; -ENOBUFS: there
   are too many. */
SK_FUNC int sk_vault_put (Deposit *d, int fd);
/* A copy of it, close-on-exec; or -errno. */
SK_FUNC int sk_vault_get (const Deposit *d);

#endif

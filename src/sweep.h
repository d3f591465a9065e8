/*
** sweep.h - Clearing the slot of a dead member.
**
** Whoever notices a death sweeps: repairs the object that was being changed,
** takes the dead one's seats out of their lines, gives back what was
** granted to it, passes on its locks, frees its blocks and drops its
** references. Each step may be repeated, so a sweeper may die as well.
*/
#ifndef sk_sweep_h
#define sk_sweep_h

#include "object.h"

/* Sweep every slot whose process is gone. True: there was one. */
SK_FUNC bool sk_sweep_dead (Member *m);
/* Sweep the slots of process 'pid', which is gone; at 'unreaped', by the clock of
   slots, it was certainly not reaped yet (0: nobody knows). */
SK_FUNC void sk_sweep_process (Member *m, int pid, int64_t unreaped);
/* Leave the family: sweep one's own slot. 'm' is closed afterwards. */
SK_FUNC void sk_sweep_leave (Member *m);
/* Free slot 'index', taken at 'taken', if nobody came to live in it. */
SK_FUNC void sk_sweep_unborn (Member *m, uint32_t index, int64_t taken);

/* The one who is to live in that slot is process 'pid'. */
SK_FUNC void sk_sweep_expect (uint32_t index, int64_t taken, int pid);

#endif

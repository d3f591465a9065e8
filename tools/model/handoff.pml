/*
** handoff.pml - Two who put and two who get, through one queue, any of whom is
** killed at any step. Faithful to src/queue.c, seat.c, arena.c, sweep.c and
** shared_loop.c: a step here is one store there that others can see, and each
** inline function says whose it is. Blocks belong to words (arena.h): 'owner'
** is what a block's header names.
**
** When nothing moves any more (timeout), what must be true is asserted: see
** the end. Compile with -DMUTATE=n to take something away that it needs.
*/
#ifndef MUTATE
#define MUTATE 0
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef ITEMS
#define ITEMS 2 /* so many put: 2, or 1 */
#endif

#define N 4       /* members: 0 and 1 get, 2 and 3 put, each once; 4 lives */
#define NOBODY 5
#define isgetter(m) ((m) < 2)
#define item(m) ((m) - 1) /* of a putter: 1 or 2; 0 is none */

/* words that own blocks */
#define OUT(m) (m)
#define IN(m) (4 + (m))
#define BLOCK(s) (8 + (s))
#define LIST 12
#define FREE 13

/* states of a seat */
#define ALONE 0
#define WAITING 1
#define GRANTED 2
#define TAKEN 3

byte owner[3];          /* of each item's block */
byte out[N], in[N];     /* words of the slots */
byte head, last;        /* Queue.items, Queue.last */
byte next[3];           /* Item.next */
byte coming, was, unfinished;

byte seat[2];           /* Seat.state */
byte block[2];          /* Seat.block */
byte first, tail;       /* the line of getters, as seat + 1; 0 is nobody */
byte wnext[2], wprev[2];
bool inbox[2], asleep[2], bell[2];

byte guard = NOBODY;    /* who is inside */
bool dead[N + 1], swept[N], news[2], busy[N + 1];
bool over[N];           /* it has done what it wanted */
byte deaths;
byte got[3];            /* how often each item came out of the queue */
byte lost[3];           /* ... or was swept with who had it ... */
byte claimed[3];        /* ... and had got it */
bool wasput[3];         /* the put returned */

/* a step: here it may have died */
#define killed(m)                                                             \
  if                                                                          \
  :: m < N && deaths < DEATHS -> deaths++; goto die                           \
  :: skip                                                                     \
  fi

/* ---- seat.c ---- */

inline unlinkseat (x) { atomic { /* unlink */
  if
  :: wprev[x] == 0 && first == x + 1 -> first = wnext[x];
     killed(m);
     if
     :: wnext[x] != 0 -> wprev[wnext[x] - 1] = wprev[x]
     :: else -> tail = wprev[x]
     fi
  :: wprev[x] != 0 && wnext[wprev[x] - 1] == x + 1 ->
     wnext[wprev[x] - 1] = wnext[x];
     killed(m);
     if
     :: wnext[x] != 0 -> wprev[wnext[x] - 1] = wprev[x]
     :: else -> tail = wprev[x]
     fi
  :: else -> skip /* it died before it was linked */
  fi
} }

inline deliver (x) { /* deliver, sk_slot_alert */
  inbox[x] = true;
  killed(m);
  if
  :: asleep[x] -> asleep[x] = false; ring = ring | (1 << x)
  :: else -> skip
  fi
}

inline commit (x) { /* sk_seat_commit */
  seat[x] = GRANTED;
  killed(m)
}

inline tell (x) { /* sk_seat_tell */
  unlinkseat(x);
  killed(m);
  deliver(x)
}

inline join (x) { atomic { /* sk_seat_join */
  wnext[x] = 0;
  wprev[x] = tail;
  seat[x] = WAITING;
  killed(m);
  if
  :: tail != 0 -> wnext[tail - 1] = x + 1
  :: else -> first = x + 1
  fi;
  killed(m);
  tail = x + 1
} }

/* ---- queue.c, ledger.c ---- */

inline move (to, towner, from) { atomic { /* sk_arena_move */
  to = from;
  killed(m);
  if
  :: to != 0 -> owner[to] = towner; killed(m)
  :: else -> skip
  fi;
  from = 0;
  killed(m)
} }

inline begin (y) { /* sk_ledger_come */ atomic { was = unfinished; killed(m); coming = y; killed(m) } }

inline end () { /* sk_ledger_came */ atomic { unfinished = was + 1; killed(m); coming = 0; killed(m) } }

inline append (y, from) { atomic { /* insert, append */
  next[y] = 0;
  killed(m);
  if
  :: last != 0 -> next[last] = y
  :: else -> head = y
  fi;
  killed(m);
  last = y;
  owner[y] = LIST;
  killed(m);
  from = 0;
  killed(m)
} }

inline take (to, towner) { atomic { /* take */
  b = head;
  to = b;
  killed(m);
  owner[b] = towner;
  killed(m);
  head = next[b];
  killed(m);
  if
  :: head == 0 -> last = 0
  :: else -> skip
  fi
} }

/* repair: the steps of whoever enters after a death inside */
inline repair () {
  came = false;
  s = 0;
  do /* repairgetters, along the line */
  :: s < 2 ->
     if
     :: (first == s + 1 || first != 0 && wnext[first - 1] == s + 1) &&
        block[s] != 0 ->
        if
        :: seat[s] == WAITING && owner[block[s]] == BLOCK(s) && MUTATE != 2 ->
           commit(s)
        :: else -> skip
        fi;
        if
        :: seat[s] == WAITING -> block[s] = 0
        :: else ->
           if
           :: block[s] == coming && MUTATE == 6 -> came = true
           :: block[s] == coming && MUTATE != 6 -> end()
           :: else -> skip
           fi
        fi
     :: else -> skip
     fi;
     s++
  :: else -> break
  od;
  /* sk_seat_repair: 'prev' and 'last' from 'next' ... */
  skip; d_step {
    tail = first;
    if
    :: first != 0 ->
       wprev[first - 1] = 0;
       if
       :: wnext[first - 1] != 0 ->
          tail = wnext[first - 1];
          wprev[tail - 1] = first
       :: else -> skip
       fi
    :: else -> skip
    fi
  };
  /* ... and who was granted, but stands there still, is told */
  s = 0;
  do
  :: s < 2 ->
     if
     :: (first == s + 1 || first != 0 && wnext[first - 1] == s + 1) &&
        seat[s] == GRANTED -> tell(s)
     :: else -> skip
     fi;
     s++
  :: else -> break
  od;
  /* repairitems: the list is the truth */
  b = head;
  last = 0;
  do
  :: b != 0 ->
     if
     :: owner[b] != LIST && MUTATE != 3 -> owner[b] = LIST; killed(m)
     :: else -> skip
     fi;
     if
     :: b == coming -> end()
     :: else -> skip
     fi;
     last = b;
     b = next[b]
  :: else -> break
  od;
  if
  :: coming != 0 -> unfinished = was + (came -> 1 : 0)
  :: else -> skip
  fi;
  killed(m);
  coming = 0
}

/* sk_object_enter, sk_object_leave: a robust mutex */
inline enter () {
  busy[m] = true;
  if
  :: atomic { guard == NOBODY -> guard = m }
  :: atomic { guard != NOBODY && dead[guard] -> guard = m };
     killed(m);
     repair()
  fi
}

inline leave () { /* sk_object_leavering */
  guard = NOBODY;
  killed(m);
  busy[m] = false;
  if
  :: (ring & 1) -> bell[0] = true; killed(m)
  :: else -> skip
  fi;
  if
  :: (ring & 2) -> bell[1] = true; killed(m)
  :: else -> skip
  fi;
  ring = 0
}

/* ---- sweep.c: member 'd' is dead, 'm' sweeps its slot ---- */

inline visit () {
  enter();
  leave()
}

/* give: the block in a word goes, if the word owns it */
inline give (word, wowner) { atomic {
  if
  :: word != 0 && owner[word] == wowner ->
     skip; d_step {
       owner[word] = FREE;
       lost[word]++;
       if
       :: wowner >= IN(0) -> claimed[word]++
       :: else -> skip
       fi
     }
  :: else -> skip
  fi;
  word = 0;
  killed(m)
} }

inline forsake () { /* sk_seat_forsake */
  enter();
  if
  :: seat[d] == WAITING ->
     if
     :: first == d + 1 || first != 0 && wnext[first - 1] == d + 1 ->
        unlinkseat(d)
     :: else -> skip
     fi;
     seat[d] = ALONE
  :: seat[d] != WAITING && seat[d] != ALONE && block[d] != 0 &&
     owner[block[d]] == BLOCK(d) -> /* giveback, putfirst */
     if
     :: first != 0 -> /* handover */
        s = first - 1;
        move(block[s], BLOCK(s), block[d]);
        commit(s);
        tell(s)
     :: else ->
        b = block[d];
        next[b] = head;
        killed(m);
        head = b;
        killed(m);
        owner[b] = LIST;
        killed(m);
        block[d] = 0;
        if
        :: last == 0 -> last = b
        :: else -> skip
        fi
     fi
  :: else -> skip
  fi;
  leave()
}

inline sweep () {
  if
  :: busy[d] && MUTATE != 4 -> visit()
  :: else -> skip
  fi;
  busy[d] = false;
  killed(m);
  if
  :: isgetter(d) ->
     forsake();
     give(block[d], BLOCK(d))
  :: else -> skip
  fi;
  give(out[d], OUT(d));
  give(in[d], IN(d));
  swept[d] = true
}

#define isunswept(x) (dead[x] && !swept[x])
#define unswept (isunswept(0) || isunswept(1) || isunswept(2) || isunswept(3))

/* ---- the members ---- */

proctype Putter (byte m) {
  byte s, b, ring;
  bool came;
  out[m] = item(m);
  owner[out[m]] = OUT(m);
  killed(m);
  enter(); /* sk_queue_put */
  begin(out[m]);
  if
  :: first != 0 ->
     s = first - 1;
     move(block[s], BLOCK(s), out[m]);
     commit(s);
     end();
     tell(s)
  :: else ->
     append(out[m], out[m]);
     end()
  fi;
  leave();
  wasput[item(m)] = true;
  over[m] = true;
  goto done;
die:
  skip;
  skip; d_step { dead[m] = true; news[0] = true; news[1] = true };
done:
  skip
}

inline settle () { /* sk_shared_settle, sk_shared_unpack */
  move(in[m], IN(m), block[m]);
  seat[m] = ALONE;
  skip; d_step { got[in[m]]++; owner[in[m]] = FREE; in[m] = 0 };
  over[m] = true
}

proctype Getter (byte m) {
  byte s, b, ring;
  bool came;
  enter(); /* sk_queue_get */
  if
  :: head != 0 ->
     take(in[m], IN(m));
     leave();
     skip; d_step { got[in[m]]++; owner[in[m]] = FREE; in[m] = 0 };
     over[m] = true;
     goto done
  :: else ->
     block[m] = 0;
     join(m);
     leave()
  fi;
  do
  :: inbox[m] -> /* collect: its inbox holds one seat at most */
     inbox[m] = false;
     seat[m] = TAKEN;
     killed(m);
     break
  :: else -> /* fallasleep */
     asleep[m] = true;
     killed(m);
     if
     :: inbox[m] && MUTATE != 1 -> asleep[m] = false
     :: else ->
        if
        :: bell[m] -> bell[m] = false; asleep[m] = false
        :: news[m] -> /* a pidfd says that somebody died */
           news[m] = false;
           asleep[m] = false;
           !unswept; /* its sweep waits for who sweeps already */
           if
           :: seat[m] == GRANTED && !inbox[m] && MUTATE != 5 -> /* find */
              visit();
              if
              :: !inbox[m] && seat[m] == GRANTED ->
                 seat[m] = TAKEN;
                 killed(m);
                 break
              :: else -> skip
              fi
           :: else -> skip
           fi
        fi
     fi
  od;
  settle();
  goto done;
die:
  skip;
  skip; d_step { dead[m] = true; news[0] = true; news[1] = true };
done:
  skip
}

/* Somebody who lives on: it sweeps those whom nobody else does. */
proctype Survivor () {
  byte m = N, s, b, ring, d;
  bool came;
  do
  :: atomic { isunswept(0) -> d = 0 }; sweep()
  :: atomic { isunswept(1) -> d = 1 }; sweep()
  :: atomic { isunswept(2) -> d = 2 }; sweep()
  :: atomic { isunswept(3) -> d = 3 }; sweep()
  od;
die:
  skip;
  assert(false)
}

#define inlist(i) (head == (i) || head != 0 && next[head] == (i))
#define outcomes(i) (got[i] + lost[i] + (inlist(i) -> 1 : 0))
#define wasgot(i) (got[i] + claimed[i] + (inlist(i) -> 1 : 0))

init {
  byte i = 1;
  atomic {
    run Getter(0); run Getter(1); run Putter(2); run Survivor();
    if
    :: ITEMS == 2 -> run Putter(3)
    :: else -> skip
    fi
  };
  timeout; /* nobody can do anything more */
  assert(guard == NOBODY && coming == 0);
  do
  :: i <= ITEMS ->
     assert(outcomes(i) == 1); /* once, and its block is not forgotten */
     assert(owner[i] == (inlist(i) -> LIST : FREE));
     /* what was confirmed is there, came, or died with who had got it */
     assert(!wasput[i] || wasgot(i) == 1);
     i++
  :: else -> break
  od;
  assert(unfinished == wasgot(1) + wasgot(2));
  i = 0;
  do /* nobody who lives waits for what is there */
  :: i < 2 ->
     assert(dead[i] || over[i] || seat[i] == WAITING && head == 0);
     i++
  :: else -> break
  od
}

/*
** loan.pml - Two read a large content where it is, once or twice; one puts
** another content in its place, and so has to get rid of the first one. Any of them is
** killed at any step, and so is one of those who sweep. Faithful to src/item.c
** (borrow, giveback, passon), cell.c and sweep.c: a step here is one store there
** that others can see.
**
** There is one message. In the end it was freed exactly once, never while
** somebody read it, and no word leads to it. Compile with -DMUTATE=n to take
** something away that this needs.
*/
#ifndef MUTATE
#define MUTATE 0
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#ifndef READS
#define READS 1
#endif

#define N 5 /* members: 0 and 1 read, 2 replaces, 3 and 4 sweep, 4 lives */
#define WRITER 2
#define NOBODY 5
#define isreader(m) ((m) < 2)

/* words that own the message */
#define FREE 0
#define CONTENT 1
#define IN 2
#define LOAN(m) (3 + (m))

byte owner = CONTENT;
bool valid = true;   /* it is the present content */
bool content = true; /* these words lead to it */
bool in;
bool loan[2];
bool lent;
byte freed;
bool reads[2]; /* somebody is at it */

byte guard = NOBODY, loanguard = NOBODY, sweepguard = NOBODY;
bool dead[N], swept[N], busy[N], over[N];
byte deaths;

#define killed                                                                \
  if                                                                          \
  :: m != 4 && deaths < DEATHS -> deaths++; goto die                          \
  :: skip                                                                     \
  fi

/* ---- cell.c ---- */

inline enter () {
  busy[m] = true;
  if
  :: atomic { guard == NOBODY -> guard = m }
  :: atomic { guard != NOBODY && dead[guard] -> guard = m };
     killed;
     if /* repair: what is not valid has what it owns */
     :: !valid && owner != CONTENT -> content = false
     :: else -> skip
     fi;
     killed
  fi
}

inline leave () { guard = NOBODY; killed; busy[m] = false }

/* ---- item.c ---- */

inline enterloans () {
  if
  :: atomic { loanguard == NOBODY -> loanguard = m }
  :: atomic { loanguard != NOBODY && dead[loanguard] -> loanguard = m }
  fi;
  killed
}

inline leaveloans () { loanguard = NOBODY; killed }

/* has somebody whose slot is not swept yet a loan, in another word? */
#define reading(r, word) \
  (loan[r] && !swept[r] && ((word) != LOAN(r) || MUTATE == 6))

inline passon (word) {
  enterloans();
  to = FREE;
  if
  :: reading(0, word) -> to = LOAN(0)
  :: !reading(0, word) && reading(1, word) -> to = LOAN(1)
  :: else -> skip
  fi;
  if
  :: to != FREE -> owner = to; killed
  :: else -> skip
  fi
}

inline give (word, lead) { /* sk_stock_give: if the word owns it */
  if
  :: atomic { owner == word || MUTATE == 7 && lead ->
     assert(!reads[0] && !reads[1]);
     owner = FREE;
     freed++ }
  :: else -> skip
  fi;
  killed;
  lead = false;
  killed
}

inline freeitem (word, lead) { /* sk_item_free */
  to = FREE;
  if
  :: owner == word && lent && MUTATE != 1 ->
     passon(word);
     if
     :: to != FREE -> lead = false; killed
     :: else -> skip
     fi;
     leaveloans()
  :: else -> skip
  fi;
  if
  :: to == FREE && lead -> give(word, lead)
  :: else -> skip
  fi
}

inline giveback (r) {
  if
  :: loan[r] ->
     if
     :: MUTATE != 4 -> enterloans()
     :: else -> skip
     fi;
     mine = (owner == LOAN(r));
     if
     :: MUTATE == 4 -> killed
     :: else -> skip
     fi;
     if
     :: !mine || MUTATE == 2 -> loan[r] = false; killed
     :: else -> skip
     fi;
     if
     :: MUTATE != 4 -> leaveloans()
     :: else -> skip
     fi;
     if
     :: mine && MUTATE != 2 -> freeitem(LOAN(r), loan[r])
     :: else -> skip
     fi
  :: else -> skip
  fi
}

/* ---- the members ---- */

proctype Reader (byte m) {
  byte to, times;
  bool mine;
  do
  :: times < READS ->
     times++;
     if
     :: MUTATE != 5 -> enter()
     :: else -> skip
     fi;
     if
     :: valid -> /* sk_item_borrow */
        if
        :: MUTATE != 8 -> lent = true
        :: else -> skip
        fi;
        killed;
        loan[m] = true;
        killed
     :: else -> skip
     fi;
     if
     :: MUTATE != 5 -> leave()
     :: else -> skip
     fi;
     if
     :: loan[m] ->
        atomic { assert(freed == 0); reads[m] = true };
        killed;
        reads[m] = false
     :: else -> skip
     fi;
     giveback(m)
  :: else -> break
  od;
  over[m] = true;
  goto done;
die:
  atomic { dead[m] = true; reads[m] = false };
done:
  skip
}

proctype Writer (byte m) {
  byte to;
  enter();
  valid = false; /* here the content has changed */
  killed;
  in = true; /* sk_arena_move */
  killed;
  owner = IN;
  killed;
  content = false;
  killed;
  leave();
  freeitem(IN, in);
  over[m] = true;
  goto done;
die:
  dead[m] = true;
done:
  skip
}

inline sweep () { /* of slot d */
  if
  :: busy[d] -> enter(); leave()
  :: else -> skip
  fi;
  busy[d] = false;
  killed;
  if
  :: isreader(d) && MUTATE != 3 -> giveback(d)
  :: else -> skip
  fi;
  if
  :: d == WRITER -> freeitem(IN, in)
  :: else -> skip
  fi;
  swept[d] = true;
  killed
}

#define isunswept(x) (dead[x] && !swept[x])

/* In any order: the numbers of slots mean nothing. */
proctype Sweeper (byte m) {
  byte d, to;
  bool mine;
again:
  atomic {
    (isunswept(0) || isunswept(1) || isunswept(2) || isunswept(3)) &&
    (sweepguard == NOBODY || dead[sweepguard]) -> sweepguard = m
  };
  do
  :: atomic { isunswept(0) -> d = 0 }; sweep()
  :: atomic { isunswept(1) -> d = 1 }; sweep()
  :: atomic { isunswept(2) -> d = 2 }; sweep()
  :: atomic { isunswept(3) -> d = 3 }; sweep()
  :: else -> break
  od;
  sweepguard = NOBODY;
  goto again;
die:
  dead[m] = true
}

#define isdone(x) (over[x] || swept[x])

init {
  atomic {
    run Reader(0); run Reader(1); run Writer(2); run Sweeper(3); run Sweeper(4)
  };
  timeout; /* nobody can do anything more */
  assert(isdone(0) && isdone(1) && isdone(2));
  assert((!loan[0] || MUTATE == 3) && (!loan[1] || MUTATE == 3) && !in);
  /* the object may have it still, if who replaced it died */
  assert(owner == (freed == 1 -> FREE : CONTENT) && freed <= 1);
  assert(over[WRITER] && freed == 1 || swept[WRITER]);
  assert(owner != CONTENT || content)
}

/*
** sweep.pml - A member has died while it took an item out of a queue; those who
** sweep its slot are killed too, at any step, and swept in turn. Faithful to
** src/sweep.c, object.c, item.c, arena.c and the 'fini' of queue.c: a step here
** is one store there that others can see.
**
** There is a queue Q with one item X, which refers to another object R. Only
** the dead one had them. So in the end all three blocks are free, each given
** back exactly once, whoever died where. Compile with -DMUTATE=n to take
** something away that this needs.
*/
#ifndef MUTATE
#define MUTATE 0
#endif
#ifndef DEATHS
#define DEATHS 2
#endif

#define N 4 /* members: 0 is dead, 1 and 2 may die, 3 lives */
#define NOBODY 4

/* blocks, which are objects but for the first */
#define X 0
#define Q 1
#define R 2

/* words that own blocks: of the queue, of an object itself, of slots */
#define FREE 0
#define LIST 1
#define SELF 2
#define IN 3
#define WASTE(m) (4 + (m))
#define FRESH(m) (8 + (m))

byte owner[3];
byte freed[3]; /* how often each block was given back */

/* the slots */
bool dead[N], swept[N];
bool table[N];  /* its references, to Q and to R */
bool in, waste[N]; /* the word leads to X */
byte fresh[N];  /* Q, R or 0 */
bool busy[N];   /* in the queue */

/* the queue's list, the list of objects, that of carriers */
bool inlist = true, carried = true;
bool listed[3];
byte refs[3], dying[3];
bool loaded = true; /* X: nrefs is not 0 */

byte qguard = NOBODY, refguard = NOBODY, sweepguard = NOBODY;
byte deaths;

#define killed                                                                \
  if                                                                          \
  :: m != 3 && deaths < DEATHS -> deaths++; goto die                          \
  :: skip                                                                     \
  fi

#define doom(o) /* in object.c */                                             \
  if                                                                          \
  :: listed[o] && refs[o] == 0 && dying[o] == NOBODY ->                       \
     dying[o] = m; grave[o] = true                                            \
  :: else -> skip                                                             \
  fi

inline count () { /* of the references, after a death */
  d_step {
    refs[Q] = (table[0] && !swept[0] -> 1 : 0);
    refs[R] = refs[Q] + (carried && loaded -> 1 : 0)
  }
}

inline enterrefs () {
  if
  :: atomic { refguard == NOBODY -> refguard = m }
  :: atomic { refguard != NOBODY && dead[refguard] -> refguard = m };
     /* relink: who is listed owns itself */
     if
     :: listed[Q] -> owner[Q] = SELF
     :: else -> skip
     fi;
     killed;
     if
     :: listed[R] -> owner[R] = SELF
     :: else -> skip
     fi;
     killed;
     count();
     killed
  fi
}

inline leaverefs () { refguard = NOBODY; killed }

inline enterqueue () {
  busy[m] = true;
  if
  :: atomic { qguard == NOBODY -> qguard = m }
  :: atomic { qguard != NOBODY && dead[qguard] -> qguard = m };
     killed;
     if /* repairitems: the list is the truth */
     :: inlist -> owner[X] = LIST
     :: else -> skip
     fi;
     killed
  fi
}

inline leavequeue () { qguard = NOBODY; killed; busy[m] = false }

inline give (b, word, from) { /* sk_arena_give */
  if
  :: owner[b] == from -> atomic { owner[b] = FREE; freed[b]++ }
  :: else -> skip
  fi;
  killed;
  word = 0;
  killed
}

inline unload () { /* sk_object_unload: X refers to R no more */
  if
  :: loaded ->
     enterrefs();
     if
     :: carried -> carried = false; t = 1
     :: else -> t = 0
     fi;
     killed;
     loaded = false;
     killed;
     refs[R] = refs[R] - t;
     killed;
     doom(R);
     leaverefs()
  :: else -> skip
  fi
}

inline freeitem (word, from) { /* sk_item_free */
  if
  :: word && owner[X] == from -> unload()
  :: else -> skip
  fi;
  if
  :: word -> give(X, word, from)
  :: else -> skip
  fi
}

inline destroy (o) {
  do /* queue.c: fini */
  :: o == Q && inlist ->
     if
     :: MUTATE != 1 -> enterqueue()
     :: else -> skip
     fi;
     if
     :: inlist -> /* takefirst */
        waste[m] = true;
        killed;
        owner[X] = WASTE(m);
        killed;
        inlist = false;
        killed
     :: else -> skip
     fi;
     if
     :: MUTATE != 1 -> leavequeue()
     :: else -> skip
     fi;
     freeitem(waste[m], WASTE(m))
  :: else -> break
  od;
  enterrefs();
  if
  :: MUTATE != 2 -> /* sk_arena_move */
     fresh[m] = o;
     killed;
     owner[o] = FRESH(m);
     killed
  :: else -> skip
  fi;
  listed[o] = false;
  killed;
  leaverefs();
  if
  :: MUTATE != 2 -> give(o, fresh[m], FRESH(m))
  :: else -> t = SELF; give(o, t, SELF)
  fi
}

inline bury () {
  do
  :: grave[Q] -> grave[Q] = false; destroy(Q)
  :: grave[R] -> grave[R] = false; destroy(R)
  :: else -> break
  od
}

inline recount () { /* sk_object_recount */
  enterrefs();
  if
  :: listed[Q] -> owner[Q] = SELF
  :: else -> skip
  fi;
  if
  :: listed[R] -> owner[R] = SELF
  :: else -> skip
  fi;
  count();
  killed;
  if
  :: dying[Q] != NOBODY && dead[dying[Q]] && MUTATE != 3 -> dying[Q] = NOBODY
  :: else -> skip
  fi;
  if
  :: dying[R] != NOBODY && dead[dying[R]] && MUTATE != 3 -> dying[R] = NOBODY
  :: else -> skip
  fi;
  killed;
  doom(Q);
  doom(R);
  leaverefs();
  bury()
}

inline sweep () { /* of slot d */
  /* sk_object_mend, sk_object_visit */
  enterrefs();
  if
  :: busy[d] && listed[Q] && MUTATE != 4 -> enterqueue(); leavequeue()
  :: else -> skip
  fi;
  leaverefs();
  busy[d] = false;
  killed;
  if
  :: d == 0 -> freeitem(in, IN); bury()
  :: else -> skip
  fi;
  freeitem(waste[d], WASTE(d));
  bury();
  if
  :: fresh[d] != 0 -> o = fresh[d]; give(o, fresh[d], FRESH(d))
  :: else -> skip
  fi;
  table[d] = false;
  killed;
  recount();
  swept[d] = true;
  killed
}

#define isunswept(x) (dead[x] && !swept[x])

/* In any order: the numbers of slots mean nothing. */
proctype Sweeper (byte m) {
  byte d, t, o;
  bool grave[3];
again:
  atomic {
    (m != 3 || isunswept(0) || isunswept(1) || isunswept(2)) &&
    (sweepguard == NOBODY || dead[sweepguard]) -> sweepguard = m
  };
  do
  :: atomic { isunswept(0) -> d = 0 }; sweep()
  :: atomic { isunswept(1) -> d = 1 }; sweep()
  :: atomic { isunswept(2) -> d = 2 }; sweep()
  :: else -> break
  od;
  sweepguard = NOBODY;
  if
  :: m == 3 -> goto again /* it sees who dies later */
  :: else -> goto done
  fi;
die:
  dead[m] = true;
done:
  skip
}

init {
  atomic {
    dead[0] = true;
    table[0] = true;
    owner[X] = LIST; owner[Q] = SELF; owner[R] = SELF;
    listed[Q] = true; listed[R] = true;
    refs[Q] = 1; refs[R] = 2;
    dying[Q] = NOBODY; dying[R] = NOBODY;
    if /* how far it had come: queue.c, take */
    :: skip
    :: busy[0] = true; qguard = 0; in = true
    :: busy[0] = true; qguard = 0; in = true; owner[X] = IN
    :: busy[0] = true; qguard = 0; in = true; owner[X] = IN; inlist = false
    :: in = true; owner[X] = IN; inlist = false
    fi;
    run Sweeper(1); run Sweeper(2); run Sweeper(3)
  };
  timeout;
  assert(swept[0] && (!dead[1] || swept[1]) && (!dead[2] || swept[2]));
  assert(freed[X] == 1 && freed[Q] == 1 && freed[R] == 1);
  assert(!listed[Q] && !listed[R] && !inlist)
}

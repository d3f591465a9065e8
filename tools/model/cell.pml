/*
** cell.pml - Three change a value by adding to it: two at once, if they can, one
** inside of 'with'. Any of them is killed at any step. Faithful to src/cell.c,
** lib_value.c ('applied', 'alter'), lib_hold.c and lock.c: a step here is one store
** there that others can see.
**
** No change is lost, whoever died where: the value is the number of changes that
** were made. And in the end it can be changed at once again. Compile with
** -DMUTATE=n to take something away that this needs.
*/
#ifndef MUTATE
#define MUTATE 0
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#ifndef TIMES
#define TIMES 1 /* each changes it so often */
#endif

#define N 3
#define NOBODY 4
#define S 3 /* who lives on: sweeps, and changes it last */

/* the word: a number, or in which content that is; may be shut */
bool shut, here = true;
byte value;      /* of a number in the word */
byte content[2]; /* of the others */
byte valid;      /* which of these */

byte owner = NOBODY;
bool contended; /* somebody else stands in line */
bool dead[4], over[4];
byte made, deaths;

#define killed                                                                \
  if                                                                          \
  :: m != S && deaths < DEATHS -> deaths++; goto die                          \
  :: skip                                                                     \
  fi

#define now (here -> value : content[valid])

/* sk_lock_acquire: at once, or as the first in line when it is released */
inline acquire () {
  if
  :: atomic { owner == NOBODY -> owner = m; contended = false }
  :: atomic { owner != NOBODY -> contended = true };
     killed;
     atomic { owner == NOBODY -> owner = m }
  fi;
  killed
}

/* sk_lock_release; who stood in line while it was contended goes first */
inline release () { atomic { owner = NOBODY }; killed }

inline shutit () { /* sk_cell_shut */
  if
  :: here && !shut && MUTATE != 1 -> atomic { assert(here); shut = true }; killed
  :: else -> skip
  fi
}

inline open () { /* sk_cell_open */
  if
  :: shut && !contended -> shut = false; killed
  :: else -> skip
  fi
}

/* sk_cell_set: 'sum' fits into the word or not; 'word' is what it was */
inline set () {
  if
  :: atomic { value = sum; here = true; shut = true; made++ }
  :: content[(here -> 0 : 1 - valid)] = sum;
     killed;
     atomic { valid = (here -> 0 : 1 - valid); here = false; shut = false; made++ }
  fi;
  killed
}

inline slowly () { /* alter, or with; there may be many steps inside of that */
  acquire();
  shutit();
  sum = now + 1;
  killed;
  set();
  if
  :: MUTATE == 2 -> release(); open()
  :: else -> open(); release()
  fi
}

/* applied: one atomic instruction, if the word is still what it was */
inline quickly () {
  if
  :: atomic { here && !shut -> old = value };
     killed;
     if
     :: atomic { here && (!shut || MUTATE == 3) && value == old ->
        value = old + 1;
        made++ };
        killed
     :: else -> slowly()
     fi
  :: else -> slowly()
  fi
}

proctype Changer (byte m) {
  byte times, old, sum;
  do
  :: times < TIMES ->
     times++;
     if
     :: m < 2 -> quickly()
     :: m == 2 -> slowly()
     fi
  :: else -> break
  od;
  over[m] = true;
  goto done;
die:
  dead[m] = true;
done:
  skip
}

/* Somebody who lives on: what a dead one had is free. */
proctype Survivor () {
  byte m = S, old, sum;
  do
  :: atomic { owner != NOBODY && dead[owner] -> owner = NOBODY }
  :: (over[0] || dead[0]) && (over[1] || dead[1]) && (over[2] || dead[2]) &&
     owner == NOBODY -> break
  od;
  contended = false;
  slowly();
  over[S] = true;
  goto done;
die:
  assert(false);
done:
  skip
}

init {
  atomic { run Changer(0); run Changer(1); run Changer(2); run Survivor() };
  timeout;
  assert(over[S] && owner == NOBODY);
  assert(made == now && !shut);
  assert(DEATHS > 0 || made == 3 * TIMES + 1)
}

/*
** arena.c - The memory that all processes of a family share. See arena.h.
*/
#include <string.h>

#include "arena.h"
#include "span.h"

#define LARGE (UINT64_C(32) << 10)
#define KEEP (UINT64_C(32) << 20) /* bytes of large free blocks with pages */

static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

static int create (void) {
  int err = sk_mapping_make();
  if (err != 0) return err;
  arena->near = (sizeof(Arena) + 63) / 64 * 64;
  arena->bottom = arena->mapping.size;
  arena->top = SK_SPAN + arena->mapping.size / SK_SPAN * sizeof(Span);
  err = sk_guard_init(&arena->shedguard);
  return err != 0 ? err : sk_guard_init(&arena->guard);
}


int sk_arena_open (void) {
  pthread_mutex_lock(&opening);
  int err = sk_mapping_base == NULL ? create() : 0;
  pthread_mutex_unlock(&opening);
  return err;
}


SK_BIRTH Off *sk_arena_root (void) {
  return &arena->root;
}


static void enter (void) {
  if (sk_unlikely(sk_guard_enter(&arena->guard))) {
    finish(arena->change + arena->changing);
    sk_guard_repaired(&arena->guard);
  }
}


/*
** Spans with nothing in use beyond a few lose their pages, one at a time, and
** without the guard: that takes as long as many takes and gives. Who comes while
** another one is at it leaves the rest to that, or to the next.
*/
static void shed (void) {
  bool died;
  if (!sk_guard_try(&arena->shedguard, &died)) return;
  for (int i = 0; i < 2; i++) { /* one of which another one left behind */
    enter();
    Off s = sk_span_pick();
    sk_guard_leave(&arena->guard);
    if (s == 0) break;
    sk_mapping_punch(s, s + SK_SPAN);
    sk_step();
    enter();
    sk_span_picked();
    sk_guard_leave(&arena->guard);
  }
  if (died) sk_guard_repaired(&arena->shedguard);
  sk_guard_leave(&arena->shedguard);
}


static void leave (void) {
  sk_guard_leave(&arena->guard);
  if (sk_unlikely(sk_span_toomany())) shed();
}


void sk_arena_mend (void) {
  enter();
  sk_guard_leave(&arena->guard);
  shed(); /* it may have died in that */
}


/* Take the first free block of a class, at '*first'. */
static void takefree (Off *word, Off *first, size_t size) {
  Off b = *first, next = block(b)->next[0];
  Change *c = gain(arena->change, word, b);
  c = note(c, first, next & ~(Off)SK_KEPT);
  if (next & SK_KEPT) c = note(c, &arena->kept, arena->kept - size);
  commit(note(c, &arena->used, arena->used + size));
}


/* Take what was never used, from '*top' on. */
static void takefresh (Off *word, uint32_t class, Off *top, size_t size) {
  Off b = *top + sizeof(Block);
  block(b)->class = class;
  Change *c = gain(arena->change, word, b);
  c = note(c, top, *top + size);
  commit(note(c, &arena->used, arena->used + size));
}


/* What is free, or has room for it, is not enough. */
static int takemore (Off *word, uint32_t class) {
  size_t size = classsize(class);
  if (size <= SK_PAGE && arena->near + size <= SK_SPAN)
    takefresh(word, class, &arena->near, size);
  else if (class < SK_SMALLS) {
    int err = sk_span_add(class);
    if (err != 0) return err;
    sk_span_take(word, class);
  }
  else if (size <= arena->bottom - arena->top)
    takefresh(word, class, &arena->top, size);
  else
    return -ENOMEM;
  return 0;
}


/* Under the guard: a block of a class into '*word'. */
static int take (Off *word, uint32_t class) {
  if (arena->free[class] != 0)
    takefree(word, &arena->free[class], classsize(class));
  else if (class < SK_SMALLS && sk_span_hasroom(class))
    sk_span_take(word, class);
  else
    return takemore(word, class);
  return 0;
}


uint32_t sk_arena_class (size_t size) {
  /* room for the link of a free block */
  return classof((size < sizeof(Off) ? sizeof(Off) : size) + sizeof(Block));
}


uint32_t sk_arena_classof (Off b) {
  return block(b)->class;
}


int sk_arena_take (Off *word, size_t size) {
  if (size > arena->mapping.size) return -ENOMEM;
  enter();
  int err = take(word, sk_arena_class(size));
  sk_guard_leave(&arena->guard);
  return err;
}


/* Let go of the pages of a large block, all but the one with its header. */
static void punch (Off b, size_t size) {
  Off from = (b + sizeof(Off) + SK_PAGE - 1) / SK_PAGE * SK_PAGE;
  Off to = (b - sizeof(Block) + size) / SK_PAGE * SK_PAGE;
  if (to > from) sk_mapping_punch(from, to);
}


void sk_arena_clear (Off b, size_t size) {
  Off end = b + size, from = (b + SK_PAGE - 1) / SK_PAGE * SK_PAGE;
  Off to = end / SK_PAGE * SK_PAGE;
  if (size < LARGE || !sk_mapping_punch(from, to)) from = to = end;
  memset(sk_at(char, b), 0, from - b);
  memset(sk_at(char, to), 0, end - to);
}


/* Under the guard: free what '*word' owns; 'keep': with its pages. */
static void give (Off *word, bool keep) {
  Off b = *word;
  uint32_t class = block(b)->class;
  if (class < SK_SMALLS && b >= SK_SPAN) {
    sk_span_give(word, b);
    return;
  }
  size_t size = classsize(class);
  Off *first = &arena->free[class];
  keep = keep && class >= SK_SMALLS;
  Change *c = lose(arena->change, word, b, *first | (keep ? SK_KEPT : 0));
  if (keep) c = note(c, &arena->kept, arena->kept + size);
  c = note(c, &arena->used, arena->used - size);
  commit(note(c, first, b));
}


/* May so many bytes more keep their pages? A glance, from outside. */
static bool haveroom (size_t size) {
  return __atomic_load_n(&arena->kept, __ATOMIC_RELAXED) + size <= KEEP;
}


void sk_arena_give (Off *word) {
  Off b = *word;
  if (b == 0) return;
  if (!sk_arena_owns(word)) { /* it has moved on */
    *word = 0;
    return;
  }
  uint32_t class = block(b)->class;
  bool keep = class < SK_SMALLS || haveroom(classsize(class));
  if (!keep) punch(b, classsize(class)); /* still ours: nobody looks at it */
  enter();
  if (sk_arena_owns(word))
    give(word, keep);
  else
    *word = 0; /* it was half given, and that was done */
  leave();
}


/* ---- chains ---- */

void sk_arena_push (Off *head, Off *word) {
  Off b = *word;
  block(b)->next[0] = *head;
  sk_step();
  *head = b;
  sk_step();
  block(b)->owner = 0; /* here it is in the chain */
  sk_step();
  *word = 0;
}


void sk_arena_pop (Off *word, Off *head) {
  Off b = *head;
  *word = b;
  sk_step();
  sk_arena_own(b, word); /* here it is not any more */
  *head = block(b)->next[0];
  sk_step();
}


void sk_arena_mendchain (Off *head) {
  if (*head != 0 && block(*head)->owner != 0) *head = block(*head)->next[0];
}


uint32_t sk_arena_stock (Off *head, Off *via, uint32_t c, uint32_t n) {
  uint32_t done = 0;
  enter();
  for (; done < n && take(via, c) == 0; done++) sk_arena_push(head, via);
  sk_guard_leave(&arena->guard);
  return done;
}


void sk_arena_unstock (Off *head, Off *via, uint32_t n) {
  enter();
  for (; n > 0 && *head != 0; n--) {
    sk_arena_pop(via, head);
    give(via, true);
  }
  leave();
}


size_t sk_arena_room (Off b) {
  return classsize(block(b)->class) - sizeof(Block);
}


bool sk_arena_owns (const Off *word) {
  return *word != 0 && block(*word)->owner == sk_off(word);
}


void sk_arena_own (Off b, const Off *word) {
  __atomic_store_n(&block(b)->owner, sk_off(word), __ATOMIC_RELEASE);
  sk_step();
}


Off sk_arena_owner (Off b) {
  return block(b)->owner;
}


void sk_arena_move (Off *to, Off *from) {
  __atomic_store_n(to, *from, __ATOMIC_RELEASE); /* with what is inside */
  sk_step();
  if (*to != 0) sk_arena_own(*to, to);
  *from = 0;
  sk_step();
}


uint64_t sk_arena_used (void) {
  if (sk_mapping_base == NULL) return 0;
  enter();
  uint64_t used = arena->used + sk_span_used();
  sk_guard_leave(&arena->guard);
  return used;
}

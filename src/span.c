/*
** span.c - Pieces of the arena for small blocks. See span.h.
*/
#include "span.h"

#define UNIT UINT64_C(16)

/*
** What a span is made of, in one word. From the lowest bits on: the first free
** block, or 0; where no block is yet, or 0 if all is carved (both in units from
** the beginning of the span); how many are in use; the class.
*/
#define freeof(k) ((k)&0xffff)
#define freshof(k) ((k) >> 16 & 0xffff)
#define usedof(k) ((k) >> 32 & 0xffff)
#define kindof(k) ((uint32_t)((k) >> 48))
#define FRESH ((Carving)1 << 16)
#define USED ((Carving)1 << 32)
#define isfull(k) ((uint32_t)(k) == 0)

#define span(off) (sk_at(Span, SK_SPAN) + (off) / SK_SPAN)


/* Span 's' shall not be in the list of its class any more. */
static Change *unlink (Change *c, Off s) {
  const Span *p = span(s);
  Off *room = &arena->room[kindof(p->carving)];
  c = note(c, p->prev != 0 ? &span(p->prev)->next : room, p->next);
  return p->next != 0 ? note(c, &span(p->next)->prev, p->prev) : c;
}


/* Or it shall be the first one there: what is almost full is used first, so
   that others have a chance to become empty. */
static Change *link (Change *c, Off s) {
  Off *room = &arena->room[kindof(span(s)->carving)];
  c = note(c, &span(s)->next, *room);
  c = note(c, &span(s)->prev, 0);
  if (*room != 0) c = note(c, &span(*room)->prev, s);
  return note(c, room, s);
}


/* Class 'class', which has no span with room, gets one. 0 or -ENOMEM. */
int sk_span_add (uint32_t class) {
  Change *c = arena->change;
  Off s = arena->spare;
  if (s != 0) {
    c = note(c, &arena->spare, span(s)->next);
    c = note(c, &arena->spares, arena->spares - 1);
  }
  else if ((s = arena->hollow) != 0)
    c = note(c, &arena->hollow, span(s)->next);
  else if (arena->bottom - arena->top < SK_SPAN)
    return -ENOMEM;
  else {
    s = arena->bottom - SK_SPAN;
    c = note(c, &arena->bottom, s);
  }
  c = note(c, &span(s)->carving, FRESH | (Carving) class << 48);
  c = note(c, &span(s)->next, 0);
  c = note(c, &span(s)->prev, 0);
  commit(note(c, &arena->room[class], s));
  return 0;
}


/* Nothing in span 's' is in use. */
static void retire (Off s) {
  Change *c = unlink(arena->change, s);
  c = note(c, &span(s)->next, arena->spare);
  c = note(c, &arena->spare, s);
  commit(note(c, &arena->spares, arena->spares + 1));
}


Off sk_span_pick (void) {
  Off s = arena->spare;
  if (arena->shed != 0 || !sk_span_toomany()) return arena->shed;
  Change *c = note(arena->change, &arena->spare, span(s)->next);
  c = note(c, &arena->spares, arena->spares - 1);
  commit(note(c, &arena->shed, s));
  return s;
}


void sk_span_picked (void) {
  Off s = arena->shed;
  Change *c = note(arena->change, &span(s)->next, arena->hollow);
  c = note(c, &arena->hollow, s);
  commit(note(c, &arena->shed, 0));
}


/* Carve a block out of span 's', where none has been yet. */
static Off carve (Carving *k, Off s) {
  Off at = freshof(*k) * UNIT; /* its header takes the unit before */
  Off size = classsize(kindof(*k)), end = at + size;
  *k -= freshof(*k) * FRESH;
  if (end - UNIT + size <= SK_SPAN) *k += end / UNIT * FRESH;
  block(s + at)->class = kindof(*k);
  return s + at;
}


void sk_span_take (Off *word, uint32_t class) {
  Off s = arena->room[class], b;
  Carving k = span(s)->carving;
  if (freeof(k) == 0)
    b = carve(&k, s);
  else {
    b = s + freeof(k) * UNIT;
    k += block(b)->next[0] - freeof(k);
  }
  k += USED;
  Change *c = gain(arena->change, word, b);
  c = note(c, &span(s)->carving, k);
  commit(isfull(k) ? unlink(c, s) : c);
}


/* One empty span each class may keep: it would only get that back. */
void sk_span_give (Off *word, Off b) {
  Off s = b / SK_SPAN * SK_SPAN;
  Span *p = span(s);
  Carving k = p->carving;
  Change *c = lose(arena->change, word, b, freeof(k));
  if (isfull(k)) c = link(c, s);
  k += b % SK_SPAN / UNIT - freeof(k);
  k -= USED;
  commit(note(c, &p->carving, k));
  if (usedof(k) == 0 && (p->next != 0 || p->prev != 0)) retire(s);
}


uint64_t sk_span_used (void) {
  uint64_t used = 0;
  for (Off s = arena->bottom; s < arena->mapping.size; s += SK_SPAN)
    used += usedof(span(s)->carving) * classsize(kindof(span(s)->carving));
  return used;
}

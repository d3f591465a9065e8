/*
** list.h - Doubly linked lists whose links are inside their members.
**
** A list is a ring through its head. Zeroed memory is a valid idle link and
** a valid empty list; removing an idle link does nothing. Plain C.
*/
#ifndef sk_list_h
#define sk_list_h

#include "sk.h"

typedef struct List {
  struct List *next, *prev; /* both NULL while idle */
} List;


static inline bool sk_list_isempty (const List *l) {
  return l->next == NULL || l->next == l;
}


static inline bool sk_list_isidle (const List *link) {
  return link->next == NULL;
}


/* Put idle 'link' in front of 'at': at the end, if 'at' is the head. */
static inline void sk_list_add (List *at, List *link) {
  if (at->next == NULL) at->next = at->prev = at; /* first use of a head */
  link->prev = at->prev;
  link->next = at;
  at->prev->next = link;
  at->prev = link;
}


/* Put idle 'link' at the front of the list 'head'. */
static inline void sk_list_addfirst (List *head, List *link) {
  if (head->next == NULL) head->next = head->prev = head;
  sk_list_add(head->next, link);
}


static inline void sk_list_remove (List *link) {
  if (link->next == NULL) return;
  link->prev->next = link->next;
  link->next->prev = link->prev;
  link->next = link->prev = NULL;
}


/* The oldest member, or NULL. */
static inline List *sk_list_first (const List *head) {
  return sk_list_isempty(head) ? NULL : head->next;
}


/* Remove and return the oldest member, or NULL. */
static inline List *sk_list_pop (List *head) {
  List *link = sk_list_first(head);
  if (link != NULL) sk_list_remove(link);
  return link;
}

#endif

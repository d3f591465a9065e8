/*
** listener.h - A descriptor that tells poll(2) that a recv may not wait.
**
** For event loops other than ours: e:fileno(). It becomes readable when there
** is a message, when the pipe is closed, and when a process of the family
** ends, which may have held the other end. It may be readable once more than
** there is news: who finds it readable calls recv or poll with a time-out of
** 0, and the next such call that finds nothing quiets it. Processes that were
** started since are watched from the next call on.
**
** It is an epoll descriptor of two kinds of others: a socket of its own, an
** Ear, rung by who puts something into the empty pipe; and a pidfd for each
** other process. It belongs to the state that asked for it; a forked child
** closes its copy.
*/
#ifndef sk_listener_h
#define sk_listener_h

#include "pipe.h"
#include "shared.h"

/* Make the listener of end 'h'. 0 or -errno. */
SK_FUNC int sk_listener_open (Shared *s, Handle *h);
SK_FUNC int sk_listener_fd (const Listener *l);
/* Before each recv and poll: quiet what is no news, and look after deaths. */
SK_FUNC void sk_listener_refresh (Listener *l);
SK_FUNC void sk_listener_close (Listener *l);
/* Close those in the list 'all', but leave the pipes alone: in a forked child,
   whose parent has them. */
SK_FUNC void sk_listener_drop (List *all);

#endif

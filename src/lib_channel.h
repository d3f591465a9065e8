/*
** lib_channel.h - Channels, for C.
*/
#ifndef sk_lib_channel_h
#define sk_lib_channel_h

#include "sched.h"

/*
** Put the value at the top (popped) into the unbounded channel at 'channel'
** without waiting; one that is closed ignores it. May raise for memory.
*/
SK_FUNC void sk_channel_push (lua_State *L, int channel);

/* Tell 'S->onclose' when the channel at 'channel' is closed. */
SK_FUNC void sk_channel_tap (lua_State *L, int channel);
SK_FUNC bool sk_channel_isopen (lua_State *L, int channel);

#endif

/**
 * The shapes the page works with: the API's, then its own. Types only, no code.
 *
 * @typedef {'upcoming'|'live'|'sold_out'|'paused'|'ended'} DropStatus
 *
 * @typedef {object} SizeStock
 * @property {string} size              `""` when the drop has one size only
 * @property {number} totalStock
 * @property {number} availableStock
 * @property {number} reservedStock
 * @property {number} soldStock
 * @property {number} [version]         only grows, size by size
 *
 * @typedef {object} Stock              a `stock:update`, or one entry of a snapshot
 * @property {number} dropId
 * @property {number} version
 * @property {number} totalStock
 * @property {number} availableStock
 * @property {number} reservedStock
 * @property {number} soldStock
 * @property {SizeStock[]} sizes
 *
 * @typedef {{username: string, purchasedAt: string}} Buyer
 *
 * @typedef {object} Drop
 * @property {number} id
 * @property {string} name
 * @property {string|null} [description]
 * @property {number} priceCents
 * @property {string} currency
 * @property {string|null} [imageUrl]
 * @property {number} totalStock
 * @property {number} availableStock
 * @property {number} reservedStock
 * @property {number} soldStock
 * @property {SizeStock[]} sizes
 * @property {string} dropStartsAt
 * @property {string|null} [dropEndsAt]
 * @property {boolean} isActive
 * @property {DropStatus} status        as it was when the server answered; see statusOf()
 * @property {number} holdSeconds
 * @property {number} coolDownSeconds
 * @property {number} maxPerUser
 * @property {number} version
 * @property {number} [revision]        raised by changes that are not stock
 * @property {Buyer[]} recentPurchasers
 * @property {number} [movedAt]         the server's time, ms, when this page last learnt of a change of stock
 *
 * @typedef {{id: number, username: string, email: string, role: 'user'|'admin'}} User
 *
 * @typedef {object} Reservation
 * @property {string} id
 * @property {number} dropId
 * @property {string} size
 * @property {'active'|'expired'|'completed'|'released'} status
 * @property {string} createdAt
 * @property {string} expiresAt
 *
 * @typedef {object} Purchase
 * @property {string} id
 * @property {number} dropId
 * @property {string} reservationId
 * @property {string} size
 * @property {number} priceCents
 * @property {string} currency
 * @property {string} purchasedAt
 *
 * @typedef {'live'|'connecting'|'offline'} Connection
 *
 * @typedef {{view: 'floor', status: 'all'|'live'|'upcoming'|'past', size: string} | {view: 'drop', dropId: number} |
 *   {view: 'mine'} | {view: 'console', page: 'list'|'new'|'actions'} | {view: 'console', page: 'drop', dropId: number}} Route
 *   where one is in the page, as its address says
 *
 * @typedef {object} Toast
 * @property {number} id
 * @property {'ok'|'bad'|'info'} kind
 * @property {string} text
 * @property {string} [code]            the refusal's code, when it tells of one
 * @property {{dropId: number, size: string}} [offer]  what one may reserve right from it
 *
 * @typedef {object} Dialog
 * @property {'sign-in'|'sign-up'|'restock'|'receipt'} kind
 * @property {number} [dropId]
 * @property {string} [purchaseId]
 * @property {string} [note]            why the dialog opened by itself
 * @property {string} [problem]         what went wrong, for the whole form
 * @property {Record<string, string>} [errors]  what went wrong, field by field
 * @property {number} [attempt]         counts the answers, so that each moves the focus once
 *
 * @typedef {object} State
 * @property {number} now               the server's time, ms
 * @property {Route} route
 * @property {boolean} loaded           the first listing has arrived
 * @property {{code: string, status: number, retryAfterS: number}|null} loadProblem  why it has not
 * @property {Connection} connection
 * @property {ReadonlyMap<number, Drop>} drops
 * @property {ReadonlyMap<number, Stock|null>} missing  drops the stream spoke of that are still to be fetched, with the
 *   newest stock it gave
 * @property {User|null|undefined} user      undefined until the server has said
 * @property {readonly Reservation[]} reservations   newest first
 * @property {readonly Purchase[]} purchases         newest first
 * @property {Readonly<Record<number, string>>} picked   size chosen, drop by drop
 * @property {ReadonlySet<string>} busy      what is being asked of the server, e.g. `reserve:12`
 * @property {Readonly<Record<string, number>>} waits  when, by the server's clock in ms, what is busy is asked again
 * @property {Dialog|null} dialog
 * @property {readonly Toast[]} toasts
 *
 * @typedef {object} CardModel          all that one card shows
 * @property {Drop} drop
 * @property {DropStatus} status
 * @property {Reservation|null} hold
 * @property {number} owned             pairs of it this user has bought
 * @property {string|null} picked
 * @property {boolean} busy
 * @property {number} again             whole seconds until a busy store is asked again; else 0
 * @property {boolean} admin
 * @property {boolean} adminBusy
 * @property {number} seconds           whole ones until it opens, or until its hold is over; else 0
 * @property {boolean} overdue          nothing moved for longer than a hold may last: whatever is held has lapsed
 * @property {number} moment            moves every ten seconds, for "12 s ago"
 *
 * @typedef {object} NewDrop
 * @property {string} name
 * @property {string} [description]
 * @property {number} priceCents
 * @property {string} [currency]
 * @property {string} [imageUrl]
 * @property {string} [dropStartsAt]
 * @property {string} [dropEndsAt]
 * @property {number} [holdSeconds]
 * @property {number} [maxPerUser]
 * @property {number} [totalStock]
 * @property {{size: string, totalStock: number}[]} [sizes]
 *
 * @typedef {Pick<Actions, 'buy'|'giveBack'|'takeUp'|'signIn'|'signUp'|'signOut'|'setActive'|'restock'> &
 *   {reserve: (dropId: number, size: string) => void}} Deeds  what takes an account
 *
 * @typedef {object} Actions            what a view may ask for
 * @property {(url: string) => void} go  to another address of the page, e.g. `/drops/7`
 * @property {(filter: {status?: 'all'|'live'|'upcoming'|'past', size?: string}) => void} filter  of the floor
 * @property {(lang: string) => void} speak  in another language, from now on
 * @property {(dropId: number, size: string) => void} pick
 * @property {(dropId: number, size?: string) => void} reserve  of that size, or of the one chosen
 * @property {(dropId: number) => void} showHold  puts the focus on what is held of it
 * @property {(reservationId: string) => void} buy
 * @property {(reservationId: string) => void} giveBack
 * @property {() => void} takeUp         asks again about presses that were never answered
 * @property {(dialog: Dialog) => void} openDialog
 * @property {() => void} closeDialog
 * @property {(fields: {email: string, password: string}) => void} signIn
 * @property {(fields: {username: string, email: string, password: string}) => void} signUp
 * @property {() => void} signOut
 * @property {(dropId: number, active: boolean) => void} setActive
 * @property {(dropId: number, size: string|undefined, quantity: number) => void} restock
 * @property {(problem: string, errors: Record<string, string>) => void} formProblem
 * @property {(field: string) => void} fieldTouched  its error is out of date
 * @property {(toastId: number) => void} dismiss
 * @property {() => void} reload
 * @property {() => void} redraw         something only a view knows has changed
 * @property {(kind: 'ok'|'bad'|'info', text: string, more?: {code?: string}) => void} say  in passing
 *
 * @typedef {object} Stream              what openEvents() gives
 * @property {() => void} reopen
 * @property {() => void} wake
 * @property {() => void} close
 *
 * @typedef {object} ShareOptions
 * @property {(name: string, data: any, askedAt: number) => void} onEvent
 * @property {(connection: Connection) => void} onConnection
 * @property {(role: 'leader'|'follower'|'alone') => void} onRole
 * @property {() => void} onCatchUp      private events may have been missed: ask for one's own
 * @property {() => {serverTime: string, drops: any[]}|null} snapshot  of what this tab knows, when it knows enough
 * @property {(options: {onEvent: (name: string, data: any, askedAt: number, lastId: string) => void,
 *   onConnection: (connection: Connection) => void, lastId: string}) => Stream} openStream
 * @property {Pick<LockManager, 'request'>|undefined} locks
 * @property {Pick<BroadcastChannel, 'postMessage'|'onmessage'>|null} channel
 * @property {() => number} [now]        local ms
 * @property {() => number} [random]
 * @property {() => boolean} [hidden]
 *
 * @typedef {object} EventsOptions
 * @property {(name: string, data: any, askedAt: number, lastId: string) => void} onEvent  askedAt: local ms when this
 *   connection was opened, which bounds a snapshot's serverTime
 * @property {(connection: Connection) => void} onConnection
 * @property {string} [lastId]  where another left off
 *
 * @typedef {object} Press
 * @property {'reserve'|'buy'} kind
 * @property {string} target   what it was for: a drop and size, or a hold
 * @property {number} user     whose it was
 * @property {number} [dropId]
 * @property {string} [size]
 * @property {string} [hold]
 * @property {string} key
 * @property {number} at       local ms
 *
 * @typedef {object} Call
 * @property {unknown} [body]
 * @property {boolean} [keyed]   carries an Idempotency-Key
 * @property {string} [key]      that one, when the caller keeps it
 * @property {boolean} [repeat]  may be sent again when no answer came
 * @property {number} [staleMs]  how old a cached answer may be
 * @property {(waitMs: number, refusal: import('./api.js').Refusal) => void} [onWait]  it will be sent again after this
 *
 * @typedef {object} Wiring
 * @property {() => Promise<void>} reload
 * @property {() => Promise<void>} loadOwn
 * @property {() => void} accountChanged  every tab is to know
 * @property {() => number} now           the server's time, ms
 * @property {{go: (url: string) => void, adjust: (route: Route) => void}} routes
 */
export {};

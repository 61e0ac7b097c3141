/** The database: one pool of connections and a Sequelize model a table of schema.sql. */
import { DataTypes, Sequelize } from 'sequelize';

const POOL = 20;	/* connections of the whole side */
const LEAST = 4;	/* of one process */
const SECOND = 1000;

/**
 * @param {{socketDir: string, database: string, user: string}} where  PostgreSQL's Unix socket
 * @param {number} processes  that share the pool: twice as many connections only make a longer queue for one row
 */
export function openStore({ socketDir, database, user }, processes) {
	const size = Math.max(LEAST, Math.ceil(POOL / processes));
	const sequelize = new Sequelize(database, user, '', {
		dialect: 'postgres',
		host: socketDir,
		/* Every connection stays once it is made: nobody waits for a new one in a rush. */
		pool: { max: size, min: size, idle: 3600 * SECOND, evict: 3600 * SECOND, acquire: 30 * SECOND },
		logging: false,
		define: { underscored: true, timestamps: false },
	});
	const id = { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true };
	const uuid = { type: DataTypes.UUID, primaryKey: true };
	const { INTEGER, BIGINT, TEXT, DATE, BOOLEAN, JSONB, UUID } = DataTypes;

	return {
		sequelize,
		User: sequelize.define('user', {
			id, username: TEXT, email: TEXT, passwordHash: TEXT, role: TEXT, createdAt: DATE,
		}),
		Drop: sequelize.define('drop', {
			id, name: TEXT, description: TEXT, priceCents: BIGINT, currency: TEXT, imageUrl: TEXT,
			totalStock: INTEGER, availableStock: INTEGER, reservedStock: INTEGER, soldStock: INTEGER, version: BIGINT,
			dropStartsAt: DATE, dropEndsAt: DATE, holdSeconds: INTEGER, maxPerUser: INTEGER, isActive: BOOLEAN,
			recentPurchasers: JSONB,
		}),
		Reservation: sequelize.define('reservation', {
			id: uuid, dropId: INTEGER, userId: INTEGER, status: TEXT, createdAt: DATE, expiresAt: DATE,
		}),
		Purchase: sequelize.define('purchase', {
			id: uuid, reservationId: UUID, dropId: INTEGER, userId: INTEGER, priceCents: BIGINT, currency: TEXT, purchasedAt: DATE,
		}),
	};
}

/* The passwords that are tried first: words and names with what people put behind them, walks
 * over the keyboard, and a few characters over and over. Some sixty thousand in all. */
#include <string.h>
#include <strings.h>

#include "password.h"

#define REPEATED_MAX 12		/* longer ones nobody tries first */

/* With one of the endings below, or none. */
static const char *const words[] = {
	"password", "passwort", "passw0rd", "p@ssword", "p@ssw0rd", "pa55word", "pa$$word", "passwd",
	"pass", "contrasena", "motdepasse", "parola", "wachtwoord", "senha", "haslo", "salasana",
	"welcome", "willkommen", "bienvenue", "welkom", "hello", "hallo", "bonjour", "hola",
	"admin", "administrator", "root", "user", "guest", "login", "master", "manager", "system",
	"server", "support", "service", "office", "company", "computer", "internet", "windows",
	"microsoft", "google", "facebook", "samsung", "android", "iphone", "default", "changeme",
	"change", "temp", "temporary", "test", "tester", "testing", "demo", "example", "sample",
	"secret", "access", "private", "security", "secure", "letmein", "opensesame", "trustno",
	"qwerty", "qwertz", "azerty", "qwert", "qwer", "asdf", "asdfgh", "zxcv", "zxcvbn", "yxcvbn",
	"qazwsx", "wasd", "abc", "abcd", "abcde", "abcdef", "xyz", "aaa", "iloveyou", "iloveu",
	"loveyou", "loveme", "love", "lovely", "lover", "iloveme", "jesus", "jesuschrist", "christ",
	"heaven", "angel", "angels", "god", "godisgood", "blessed", "bless", "faith", "grace", "hope",
	"peace", "happy", "smile", "family", "mother", "mommy", "daddy", "father", "sister",
	"brother", "baby", "babygirl", "babyboy", "friend", "friends", "forever", "freedom",
	"freedoms", "lucky", "money", "gold", "golden", "silver", "diamond", "crystal", "sunshine",
	"sunflower", "flower", "flowers", "butterfly", "rainbow", "summer", "winter", "spring",
	"autumn", "january", "february", "march", "april", "june", "july", "august", "september",
	"october", "november", "december", "monday", "friday", "sunday", "christmas", "princess",
	"prince", "queen", "king", "kings", "knight", "knights", "warrior", "warriors", "legend",
	"champion", "winner", "killer", "hunter", "ranger", "soldier", "captain", "dragon",
	"dragons", "monkey", "tiger", "tigers", "lion", "lions", "eagle", "eagles", "falcon",
	"falcons", "panther", "panthers", "wolf", "wolves", "bear", "bears", "shark", "dolphin",
	"dolphins", "horse", "horses", "puppy", "kitten", "kitty", "cat", "cats", "dog", "dogs",
	"bulldog", "bulldogs", "snoopy", "garfield", "mickey", "minnie", "donald", "tinkerbell",
	"superman", "batman", "spiderman", "ironman", "superstar", "hellokitty", "pokemon",
	"pikachu", "naruto", "goku", "starwars", "skywalker", "matrix", "phoenix", "shadow", "ghost",
	"ninja", "pirate", "pirates", "wizard", "merlin", "gandalf", "hobbit", "cookie", "cookies",
	"chocolate", "cheese", "banana", "apple", "orange", "cherry", "peaches", "pumpkin",
	"peanut", "pepper", "ginger", "sugar", "honey", "candy", "coffee", "pizza", "whisky",
	"purple", "yellow", "green", "blue", "black", "white", "red", "pink", "music", "guitar",
	"metallica", "nirvana", "slipknot", "eminem", "rockstar", "soccer", "football", "futbol",
	"fussball", "baseball", "basketball", "hockey", "tennis", "golf", "golfer", "boxing",
	"skate", "surfer", "racing", "rugby", "cricket", "ferrari", "porsche", "mercedes", "corvette",
	"mustang", "camaro", "harley", "yamaha", "honda", "toyota", "bmw", "audi", "ford", "chevy",
	"liverpool", "arsenal", "chelsea", "everton", "barcelona", "realmadrid", "juventus",
	"bayern", "schalke", "manchester", "steelers", "cowboys", "yankees", "lakers", "packers",
	"redsox", "raiders", "patriots", "broncos", "bulls", "celtics", "ronaldo", "messi", "jordan",
	"sneaker", "sneakers", "nike", "adidas", "airjordan", "jordans", "yeezy", "lastpair",
	"london", "paris", "berlin", "hamburg", "muenchen", "dallas", "houston", "chicago", "boston",
	"newyork", "texas", "florida", "america", "canada", "mexico", "brasil", "france", "italia",
	"deutschland", "germany", "england", "scotland", "ireland", "australia", "india", "pakistan",
	"michael", "jennifer", "jessica", "ashley", "amanda", "daniel", "david", "matthew", "joshua",
	"andrew", "anthony", "robert", "thomas", "william", "richard", "charles", "charlie",
	"george", "edward", "joseph", "james", "john", "johnny", "jonathan", "nicholas", "nicole",
	"michelle", "melissa", "stephanie", "elizabeth", "samantha", "sarah", "rachel", "rebecca",
	"laura", "linda", "maria", "martin", "martina", "marina", "natalie", "natasha", "patrick",
	"patricia", "peter", "philip", "steven", "stephen", "sophie", "sabrina", "sandra", "susanne",
	"tiffany", "vanessa", "veronica", "victoria", "victor", "vincent", "alexander", "alexandra",
	"alexandre", "alex", "andrea", "angela", "anna", "benjamin", "brandon", "brian", "carlos",
	"caroline", "catherine", "christian", "christine", "christopher", "claudia", "cristina",
	"danielle", "diana", "dennis", "dominik", "emily", "emma", "eric", "felix", "florian",
	"francis", "francesco", "franziska", "gabriel", "giovanni", "hannah", "heather", "isabella",
	"jackson", "jasmine", "jason", "johannes", "julia", "julian", "justin", "karina", "katharina",
	"katie", "kevin", "kimberly", "kristina", "lauren", "leonardo", "lisa", "lorenzo", "lucas",
	"madison", "marcus", "margaret", "mario", "marvin", "maximilian", "megan", "mohamed",
	"mohammed", "mohammad", "muhammad", "ahmed", "abdullah", "fatima", "monica", "monika",
	"morgan", "nathan", "oliver", "olivia", "pamela", "pascal", "pedro", "rafael", "ricardo",
	"roberto", "samuel", "scott", "sebastian", "simone", "stefan", "stefanie", "taylor",
	"teresa", "tobias", "travis", "tyler", "valentina", "valeria", "vladimir", "zachary",
};

static const char *const endings[] = {
	"", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "!", ".", "?", "*", "00", "01", "02", "07",
	"10", "11", "12", "13", "21", "22", "23", "33", "42", "44", "55", "66", "69", "77", "88", "99",
	"007", "100", "101", "111", "123", "222", "321", "333", "420", "555", "666", "777", "789",
	"888", "999", "000", "1234", "12345", "123456", "1234567", "12345678", "123456789", "4321",
	"1!", "12!", "123!", "1234!", "!!", "!1", "!23", "@1", "@12", "@123", "@1234", "#1", "#123",
	"$1", "abc", "xyz", "a", "x", "xx", "1980", "1984", "1985", "1986",
	"1987", "1988", "1989", "1990", "1991", "1992", "1993", "1994", "1995", "1996", "1997", "1998",
	"1999", "2000", "2001", "2002", "2003", "2004", "2005", "2006", "2007", "2008", "2009", "2010",
	"2011", "2012", "2013", "2014", "2015", "2016", "2017", "2018", "2019", "2020", "2021", "2022",
	"2023", "2024", "2025", "2026", "2027", "@2020", "@2021", "@2022", "@2023", "@2024", "@2025",
	"@2026", "2023!", "2024!", "2025!", "2026!",
};

/* Any part of these of 8 characters and more, forwards or backwards. */
static const char *const walks[] = {
	"01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm",
	"qwertzuiopasdfghjklyxcvbnm", "azertyuiopqsdfghjklmwxcvbn", "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
	"1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "qazwsxedcrfvtgbyhnujmikolp", "a1b2c3d4e5f6g7h8",
	"qawsedrftgyhujikolp", "!qaz@wsx#edc$rfv", "zaq1xsw2cde3vfr4bgt5", "1a2b3c4d5e6f7g8h",
	"741852963", "147258369", "789456123", "963852741", "159357456852", "zxcvbnm,./", "asdfghjkl;'",
	"qwer1234asdf5678", "1234qwerasdfzxcv", "asdfqwer1234", "abcd1234efgh5678", "123qweasdzxc",
	"qweasdzxc123", "123abc456def", "abc123def456", "a1s2d3f4g5h6", "112233445566778899",
	"aabbccddeeff", "11223344", "123123123abc", "!@#$%^&*()_+", "asdf1234qwer",
};

/* Whole ones. */
static const char *const others[] = {
	"1g2w3e4r", "123456qwerty", "123456abc", "qwerty1q", "1qazxsw2", "passpass", "password1234567890",
	"passwordpassword", "mypassword", "yourpassword", "thepassword", "nopassword",
	"newpassword", "letmeinnow", "iloveyou2", "ilovegod", "ilovejesus", "ihateyou",
	"fuckyou1", "fuckyou2", "fuckyou!", "fuckoff1", "fuckme69", "asshole1", "bullshit", "blowjobs",
	"whatever", "whatever1", "nothing1", "something", "anything", "everything", "goodluck",
	"goodbye1", "startrek", "stargate", "startfinding", "baseball1", "trustno1", "access14",
	"rush2112", "red123456", "thx1138a", "ncc1701d", "ncc1701e", "ncc1701a", "8675309a", "31415926",
	"27182818", "13571357", "24681012", "13579246", "10203040", "10101010", "12341234a", "p4ssw0rd",
	"p455w0rd", "pa55w0rd", "pa$$w0rd", "passw0rd!", "l3tm31n!", "w3lcome1", "adm1n123", "4dm1n123",
	"adminadmin", "rootroot", "useruser", "testtest", "test1234test", "useradmin", "adminpass",
	"adminpassword", "rootpass", "rootpassword", "userpass", "testpass", "testpassword",
	"guestguest", "toortoor", "mustangs1", "scoobydoo", "jennifer1", "mariposa", "tequiero",
	"teamomucho", "tequieromucho", "estrella", "princesa", "bonita123", "alejandra", "alejandro",
	"sebastian1", "hahahaha", "lollipop", "lolololo", "caramelo", "corazon1", "schatz123",
	"schalke04", "geheim123", "arschloch", "hallo1234", "ficken123", "sommer123", "dragonball",
	"gfhjkm123", "qwerty12345678", "zaq12wsx!", "zaq!2wsx", "xsw2zaq1",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool
any_equals(const char *const *list, size_t count, const char *s)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(list[i], s) == 0)
			return true;
	return false;
}

static bool
is_word_with_ending(const char *s)
{
	for (size_t i = 0; i < COUNT(words); i++) {
		size_t len = strlen(words[i]);

		if (strncasecmp(s, words[i], len) == 0 && any_equals(endings, COUNT(endings), s + len))
			return true;
	}
	return false;
}

static bool
is_walk(const char *s, size_t len)
{
	char backwards[64];

	if (len >= sizeof(backwards))
		return false;
	for (size_t i = 0; i < len; i++)
		backwards[i] = s[len - 1 - i];
	backwards[len] = '\0';
	for (size_t i = 0; i < COUNT(walks); i++)
		if (strcasestr(walks[i], s) != NULL || strcasestr(walks[i], backwards) != NULL)
			return true;
	return false;
}

/* Up to four characters over and over, the last time perhaps not to their end. */
static bool
is_repeated(const char *s, size_t len)
{
	for (size_t unit = 1; unit <= 4 && len <= REPEATED_MAX; unit++) {
		size_t i = unit;

		while (i < len && s[i] == s[i - unit])
			i++;
		if (i == len)
			return true;
	}
	return false;
}

bool
password_common(const char *password)
{
	size_t len = strlen(password);

	return is_word_with_ending(password) || is_walk(password, len) ||
	    is_repeated(password, len) || any_equals(others, COUNT(others), password);
}
